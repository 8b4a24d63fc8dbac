#!/bin/sh
# What waypost shows on a terminal, and only there: the screen of status
# --watch, the bar of queue flush --wait, colour.
#   93-terminal.sh BUILD
. "${0%/*}/lib.sh"
. "$top/tests/e2e/carry.sh"
unset NO_COLOR
TERM=xterm
export TERM
mx s 'rcpt=450 4.2.1 busy'
instance a <<END
smarthost { hosts = { "[127.0.0.1]:$port" } tls = none }
END
on() { # [PATTERN ACT]... -- WORD...: waypost on a terminal; $work/shown
	"$python" "$top/tests/e2e/terminal.py" "$@" >"$work/shown" 2>&1
}
w=$build/waypost
conf=$work/a/waypost.conf
ended() { # NAME STATUS
	is "$1" "$(tail -n 1 "$work/shown")" "$2"
}
shown() { # NAME PATTERN
	ok "$1" grep -Eq -- "$2" "$work/shown"
}
hidden() { # NAME PATTERN
	ok "$1" not grep -Eq -- "$2" "$work/shown"
}
restored() { # NAME: the last word about the cursor, and about wrapping
	is "$1" "$(grep -o '<ESC>\[?[0-9]*[hl]' "$work/shown" | tail -n 2 |
		tr -d '\n')" '<ESC>[?7h<ESC>[?25h'
}

# --- status, once ---
on -- "$w" -C "$conf" status
shown 'status: coloured on a terminal' '<ESC>\[1m|<ESC>\[31m'
ended '... exits' 'exit 0'
hidden '... and leaves the cursor alone' '<ESC>\[\?25'
on -- env NO_COLOR=1 "$w" -C "$conf" status
hidden 'NO_COLOR is honoured' ESC
on -- env NO_COLOR= "$w" -C "$conf" status
shown '... not when it is empty' ESC
on -- env TERM=dumb "$w" -C "$conf" status
hidden 'a dumb terminal gets no sequences' ESC
on --stdout "$work/out" -- "$w" -C "$conf" status
ok 'none elsewhere' not grep -q "$(printf '\033')" "$work/out"

# --- status --watch ---
carrier a
on waypost ^C -- "$w" -C "$conf" status --watch=60
ended 'watch: ^C ends it' 'exit 0'
shown '... it hid the cursor' '<ESC>\[\?25l'
restored '... which is shown again'
on waypost ^C -- env NO_COLOR=1 "$w" -C "$conf" status --watch=60
hidden '... NO_COLOR, too' '<ESC>\[[0-9]*m'
on waypostd small "$(printf '\033')[J" ^C -- "$w" -C "$conf" status --watch=60
is '... another size: drawn again' \
	"$(grep -o '<ESC>\[H' "$work/shown" | wc -l)" 2
is '... with as much as there is room for' \
	"$(sed -n '/.*<ESC>\[H/h; /<ESC>\[H/!H; ${x;p}' "$work/shown" |
		grep -c '<ESC>\[K$')" 5
restored '... and the cursor is shown again'
on waypost close -- "$w" -C "$conf" status --watch=60
ended '... a closed terminal ends it' 'exit 0'
on waypost ^Z '' cont waypost ^C -- "$w" -C "$conf" status --watch=60
ended '... stopped and continued' 'exit 0'
is '... with the cursor shown meanwhile' \
	"$(grep -o '<ESC>\[?25[hl]' "$work/shown" | tr -d '\n')" \
	'<ESC>[?25l<ESC>[?25h<ESC>[?25l<ESC>[?25h'
"$w" -C "$conf" status --watch=1 2>&1 | head -n 1 >"$work/out"
is '... into a pipe that is closed: no sequences' \
	"$(grep -c "$(printf '\033')" "$work/out"):$(wc -l <"$work/out")" 0:1

# --- queue flush --wait ---
post a m1 from@example.com one@x.test two@y.test
tried() { # COUNT: how often, all in all
	[ "$(grep -c ' R ' "$work/a/spool/state/journal")" -ge "$1" ]
}
ok 'two wait' within 10 tried 2
on -- "$w" -C "$conf" queue flush --wait
shown 'flush --wait: a bar' '^.*<CR>\[[#.]{40}\] [0-2] of 2 tried'
shown '... which is full in the end' '<CR>\[#{40}\] 2 of 2 tried$'
shown '... and what became of it' '^0 of 2 gone$'
ended '... some are left' 'exit 75'
rm -f "$work/out"
on --stdout "$work/out" -- "$w" -C "$conf" queue flush --wait
hidden 'standard output is no terminal: no bar' tried
is '... only the result' "$(cat "$work/out")" '0 of 2 gone'
"$w" -C "$conf" queue flush --wait >"$work/out" 2>"$work/err"
is '... nor without any terminal' "$(cat "$work/out" "$work/err")" \
	'0 of 2 gone'
done_testing
