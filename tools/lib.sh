# Shared by the tools; sourced, never run.

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# Package names of a list: the first word of every line that is not a comment.
package_names() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$@" | awk '{ print $1 }'; }

is_installed() {
    [ "$(dpkg-query -W -f='${Status}' "$1" 2>/dev/null)" = 'install ok installed' ]
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; return; fi
    command -v sudo >/dev/null || die "installing packages needs root and there is no sudo: run '$*' as root, then again"
    sudo "$@"
}

# install_missing LIST...: says what is missing and why, then installs just that.
install_missing() {
    missing=
    for package in $(package_names "$@"); do
        is_installed "$package" || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null || die "no apt-get here; install the equivalents of:$missing"
    say "Installing through apt:"
    for package in $missing; do
        sed -n "s/^$package  */  $package: /p" "$@"
    done
    as_root apt-get update -q >/dev/null || die "'apt-get update' failed: is there a network?"
    # shellcheck disable=SC2086 # A list of names.
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends $missing >/dev/null ||
        die "apt could not install:$missing"
}

# configure DIR [MESON OPTIONS]: sets a build directory up once.
configure() {
    directory=$1
    shift
    [ -f "$directory/build.ninja" ] && return 0
    log=$(meson setup "$directory" "$@" 2>&1) || {
        printf '%s\n' "$log" >&2
        die "meson could not configure $directory"
    }
}
