int beside() {
    return 1;
}
