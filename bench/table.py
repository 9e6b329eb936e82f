# SPDX-License-Identifier: BSL-1.0
"""How ratios to the floor are printed: a contender a line, a pipeline a column."""


def print_ratios(heading, contenders, table):
    """`table` is {pipeline: same_core.ratios(...)}; the first contender is the floor, whose microseconds are shown."""
    print(heading + "; median (least to most) of the rounds\n")
    print(f"{'':14}" + "".join(f"{f'P={p}':24}" for p in table))
    for contender in contenders:
        line = f"{contender.name:14}"
        for figures in table.values():
            f = figures[contender.name]
            cell = f"({f['us']:.3f} us)" if contender is contenders[0] else f"({f['least']:.2f} to {f['most']:.2f})"
            line += f"{f['ratio']:.2f} {cell}".ljust(24)
        print(line + contender.what)
