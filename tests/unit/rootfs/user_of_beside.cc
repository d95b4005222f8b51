int beside();
int user_of_beside() {
    return beside();
}
