%% Erlang's echo server and its client: `frames` are those of {packet, 4}, `bytes` come back as they are.
%%
%%     server MODE               prints "listening on PORT" and serves for ever
%%     client MODE PORT SIZE...  sends one payload of each size before it reads the first; prints "received" and their
%%                               number once all are back, or "closed" and how many were

packet("frames") -> 4;
packet("bytes") -> raw.

options(Mode) -> [binary, {active, false}, {nodelay, true}, {packet, packet(Mode)}].

main(["server", Mode]) ->
    {ok, Listener} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}}, {backlog, 100} | options(Mode)]),
    {ok, Port} = inet:port(Listener),
    io:format("listening on ~b~n", [Port]),
    accept(Listener);
main(["client", Mode, Port | Sizes]) ->
    Payloads = [payload(list_to_integer(Size)) || Size <- Sizes],
    {ok, Socket} = gen_tcp:connect({127, 0, 0, 1}, list_to_integer(Port), options(Mode)),
    %% A process of its own sends, so that a server that waits for its answers to be read does not stop both.
    spawn_link(fun() -> [gen_tcp:send(Socket, Payload) || Payload <- Payloads] end),
    receive_all(Socket, Mode, Payloads, 0).

payload(Size) ->
    Pattern = << <<(I * 7)>> || I <- lists:seq(0, 255) >>,
    binary:part(binary:copy(Pattern, Size div 256 + 1), 0, Size).

accept(Listener) ->
    {ok, Socket} = gen_tcp:accept(Listener),
    Echo = spawn(fun() -> receive start -> echo(Socket) end end),
    ok = gen_tcp:controlling_process(Socket, Echo),
    Echo ! start,
    accept(Listener).

echo(Socket) ->
    case gen_tcp:recv(Socket, 0) of
        {ok, Data} -> ok = gen_tcp:send(Socket, Data), echo(Socket);
        {error, closed} -> gen_tcp:close(Socket)
    end.

receive_all(_, _, [], Back) -> io:format("received ~b~n", [Back]);
receive_all(Socket, Mode, [Payload | Rest], Back) ->
    Length = case Mode of "frames" -> 0; "bytes" -> byte_size(Payload) end,
    case gen_tcp:recv(Socket, Length) of
        {ok, Payload} -> receive_all(Socket, Mode, Rest, Back + 1);
        {error, _} -> io:format("closed ~b~n", [Back])
    end.
