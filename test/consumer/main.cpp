#include <hawser/error.hpp>

#include <iostream>

int main()
{
    const hawser::error_code error = hawser::errc::idle_timeout;
    std::cout << hawser::symbol(error) << '\n';
}
