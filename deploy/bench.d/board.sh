# deploy/bench board: the dispatcher's page under load. Sourced by deploy/bench.
case ${1:-} in
-h | --help)
    cat <<'T'
usage: deploy/bench board [--couriers N] [--orders N] [--rate N] [--seconds N] [--json]
Opens the built page in Debian's Chromium on a made-up city of N couriers (5,000) and N open orders (10,000) that sends N deltas a second (100, each one order and
two positions), and counts the milliseconds per second that the page's main thread works (Chromium's TaskDuration), screen by screen, beside the same page at
rest (a sign of life every two seconds, which is the baseline). The map draws by software here, which is not counted: it is not the main thread's.
T
    exit 0
    ;;
esac
packages_install run test
npm_install "$ROOT/tests/browser"
dashboard_build
node "$ROOT/deploy/bench.d/board.mjs" "$@"
