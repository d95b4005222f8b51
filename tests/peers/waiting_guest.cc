// What runs in the other runtime's container while its filter is read: nothing, for a minute.
#include <unistd.h>

int main() {
    ::sleep(60);
}
