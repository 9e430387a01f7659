#!/bin/sh
# `meddispatch map` from outside: every verb on a made-up city, and its exit codes. Usage: map_command.sh PROGRAM
set -eu
program=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
expect() { # CODE COMMAND...
    want=$1; shift
    got=0; "$@" >out 2>err || got=$?
    [ "$got" = "$want" ] || { echo "$* gave $got, not $want:"; cat out err; exit 1; }
}
has() { grep -q -- "$1" out || { echo "no '$1' in the answer:"; cat out; exit 1; }; }

expect 0 "$program" map synth --seed 3 --size 900 -o city.osm.pbf
for profile in ebike car foot; do
    expect 0 "$program" map build city.osm.pbf -o $profile.mdmap --profile $profile --json; has "\"profile\":\"$profile\""
    expect 0 "$program" map check $profile.mdmap; has sound
done
expect 0 "$program" map build city.osm.pbf -o again.mdmap; has "restrictions obeyed"
cmp ebike.mdmap again.mdmap
expect 0 "$program" map info ebike.mdmap --json; has '"snappable_arcs":'
# two points within: the middle of the map's area and a little beside it
south=$(sed 's/.*"south":\([0-9.]*\).*/\1/' out); north=$(sed 's/.*"north":\([0-9.]*\).*/\1/' out)
west=$(sed 's/.*"west":\([0-9.]*\).*/\1/' out); east=$(sed 's/.*"east":\([0-9.]*\).*/\1/' out)
a=$(awk "BEGIN{printf \"%.6f,%.6f\", ($south+$north)/2, ($west+$east)/2}")
b=$(awk "BEGIN{printf \"%.6f,%.6f\", $south+($north-$south)/4, $west+($east-$west)/4}")
expect 0 "$program" map route ebike.mdmap "$a" "$b"; has " km"
expect 0 "$program" map route ebike.mdmap "$a" "$b" --json; has '"travel_ms":'
ms=$(sed 's/{"travel_ms":\([0-9]*\).*/\1/' out)
expect 0 "$program" map route ebike.mdmap "$a" "$b" --geojson; has LineString
# who leaves at 08:30 arrives when the time has passed, rounded up to the second; who leaves late arrives on the next day
arrive=$(awk "BEGIN{s=8*3600+30*60+int(($ms+999)/1000); printf \"%02d:%02d:%02d\", s/3600, s/60%60, s%60}")
expect 0 "$program" map route ebike.mdmap "$a" "$b" --at 08:30; has "leaves 08:30, arrives $arrive\$"
expect 0 "$program" map route ebike.mdmap "$a" "$b" --at 08:30 --geojson; has "\"arrive\":\"$arrive\",\"arrive_days_later\":0"
expect 0 "$program" map route ebike.mdmap "$a" "$b" --at 23:59 --json; has '"arrive":"00:[0-9:]*","arrive_days_later":1'
printf 'lat,lon\n%s\n%s,a name\n' "$a" "$b" >points.csv
expect 0 "$program" map matrix ebike.mdmap points.csv; has "^0,$ms\$"
expect 0 "$program" map matrix ebike.mdmap points.csv --to points.csv --json; has "\[\[0,$ms\],"
expect 0 "$program" map export --dimacs ebike.mdmap -o city
grep -q '^p sp ' city.gr && grep -q '^p aux sp co ' city.co
expect 0 "$program" map --help; has usage

expect 1 "$program" map route ebike.mdmap 10.0,10.0 "$b"
expect 2 "$program" map
expect 2 "$program" map build city.osm.pbf
expect 2 "$program" map build city.osm.pbf -o x --profile boat
expect 2 "$program" map route ebike.mdmap here there
for time in 24:00 8 8:5 08:60 -1:30 08:30:00 "8 :30" ""; do expect 2 "$program" map route ebike.mdmap "$a" "$b" --at "$time"; done
expect 2 "$program" map synth -o x --size 5
expect 3 "$program" map build points.csv -o x
head -c 5000 city.osm.pbf >cut.osm.pbf
expect 3 "$program" map build cut.osm.pbf -o x
grep -q 'at byte' err
head -c 5000 ebike.mdmap >cut.mdmap
expect 3 "$program" map check cut.mdmap
printf 'lat,lon\n1;2\n' >bad.csv
expect 3 "$program" map matrix ebike.mdmap bad.csv
expect 4 "$program" map info nothing.mdmap
[ ! -e x ]
echo "map: every verb and exit code as promised"
