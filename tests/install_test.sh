#!/bin/sh
# install_test.sh: `make install` into a folder, then the installed program, man page, and a client built with pkg-config.
build=${BUILD_DIR:-build}
case $build in *sanitize*) echo "skipped: the sanitized library is not installed"; exit 0 ;; esac
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
make -s install BUILD_DIR="$build" PREFIX="$root/usr" >/dev/null || exit 1
cat > "$root/client.c" <<'END'
#include <ebm.h>
#include <string.h>
static void hear(void *context, const EbmEvent *event) { if (event->kind == EBM_PRINTED) strncat(context, event->text, 99); }
int main(void)
{
    char heard[200] = "";
    Ebm *ebm = ebm_open(&(EbmSettings){ .hear = hear, .context = heard });
    const char *text = "a = 6 * 7\nprint a\n";
    bool well = ebm_add(ebm, "client.ebm", text, strlen(text)) && ebm_run(ebm) == EBM_WELL;
    ebm_report(ebm, stderr, false);
    ebm_close(ebm);
    fputs(heard, stdout);
    return well && !strcmp(heard, "a = 42\n") ? 0 : 1;
}
END
export PKG_CONFIG_PATH="$root/usr/lib/pkgconfig"
cc -o "$root/shared" "$root/client.c" $(pkg-config --cflags --libs ebm) -Wl,-rpath,"$root/usr/lib" || exit 1
"$root/shared" || { echo "the client of the shared library failed"; exit 1; }
"$root/usr/bin/ebm" --version || exit 1
[ -s "$root/usr/include/ebm.h" ] && [ -s "$root/usr/lib/libebm.a" ] && [ -s "$root/usr/share/man/man1/ebm.1" ] || exit 1
[ "$(ls "$root/usr/share/ebm/stdlib" | wc -l)" -gt 5 ] || exit 1
echo "installed well"
