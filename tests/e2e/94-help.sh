#!/bin/sh
# What waypost says of itself agrees: the --help of the program and of each
# subcommand, waypost.8, what the program takes, and the completions.
#   94-help.sh BUILD
. "${0%/*}/lib.sh"
w=$build/waypost
page=$top/cmd/waypost/waypost.8
narrow() { # FILE
	! grep '^.\{81\}' "$1"
}

# --- each --help ---
mkdir "$work/help"
"$w" --help >"$work/waypost" 2>"$work/err"
is 'waypost --help' "$?:$(cat "$work/err")" 0:
"$w" -h >"$work/out" 2>&1
same '... -h' "$work/out" "$work/waypost"
subcommands=$(sed -n '/^subcommands:/,$s/^  \([a-z]*\) .*/\1/p' "$work/waypost")
is '... in their order' "$subcommands" "$(echo "$subcommands" | sort)"
ok '... no line is longer than 80' narrow "$work/waypost"
for sub in $subcommands; do
	"$w" "$sub" --help >"$work/help/$sub" 2>"$work/err"
	is "$sub --help" "$?:$(cat "$work/err")" 0:
	ok '... says how to use it' grep -q \
		"^usage: waypost \(\[-C file\] \)\?\(set\|$sub\)\( \|\$\)" \
		"$work/help/$sub"
	ok '... and what for' grep -q '^[A-Za-z][^:]*[.:,]\?' "$work/help/$sub"
	ok '... in lines of 80' narrow "$work/help/$sub"
	"$w" "$sub" --no-such-option >"$work/out" 2>"$work/err" </dev/null
	is '... on standard error if it is used wrongly' \
		"$?:$(wc -c <"$work/out"):$(sed -n 's/^\(usage: waypost\) .*/\1/p' \
		"$work/err")" '64:0:usage: waypost'
done
"$w" queue list --help >"$work/out" 2>&1
same 'behind a verb, too' "$work/out" "$work/help/queue"

# --- against the page, and the program's own tables of options ---
"$python" - "$work/help" "$page" "$top/cmd/waypost" >"$work/compared" <<'END'
import glob, os, re, sys
folder, page, source = sys.argv[1:]
helps = {name: open(os.path.join(folder, name)).read()
         for name in os.listdir(folder)}
text = open(page).read()
synopsis = text.split(".Sh SYNOPSIS")[1].split(".Sh DESCRIPTION")[0]
LONG = r"--([a-z][a-z-]*)"
in_page = {}  # subcommand: (verbs, options) of the synopsis
for use in synopsis.split(".Nm\n")[1:]:
    words = re.search(r"^\.Cm (.*)", use, re.M).group(1)
    first, *verbs = re.sub(r" Fl .*|\|", "", words).split()
    entry = in_page.setdefault(first, (set(), set()))
    entry[0].update(verbs)
    entry[1].update(re.findall(r"Fl -([a-z][a-z-]*)", use))
    # "import msmtp | dma": words behind an option
    for more in re.findall(r"^\.Cm (.*)", use, re.M)[1:]:
        entry[0].update(more.replace("|", "").split())
def differ(what, one, other):
    if one != other:
        print("%s: %s" % (what, sorted(one ^ other)))
differ("subcommands", set(helps), set(in_page))
for name, help in helps.items():
    usage = "".join(l for l in help.splitlines(True)
                    if "waypost" in l[:20] or l.startswith("           "))
    verbs = set()
    for line in re.findall(r" %s (?:\[--[a-z]+\] )?([a-z|]+)" % name, usage):
        verbs.update(line.split("|"))
    verbs -= {"key", "address"}
    differ(name + ": verbs", verbs, in_page[name][0])
    used = set(re.findall(LONG, usage)) - {"help"}
    differ(name + ": options", used, in_page[name][1])
    missing = used - set(re.findall(LONG, "".join(
        l for l in help.splitlines(True) if l.startswith("  -"))))
    differ(name + ": explained", missing, set())
said = set(re.findall(LONG, " ".join(helps.values()))) - {"help"}
described = set(re.findall(r"Fl -([a-z][a-z-]*)", text))
differ("all options, page", said, described - {"help", "config", "version"})
taken = set()
for path in glob.glob(os.path.join(source, "*.c")):
    taken.update(re.findall(
        r'\{"([a-z-]+)", (?:no|required|optional)_argument', open(path).read()))
differ("all options, program", said, taken - {"help", "config", "version"})
END
is 'the page, the program and --help agree' "$(cat "$work/compared")" ''

# --- completion: of the same words ---
offered() { # FILE-OF-HELP: options in it
	{ grep -o -e '--[a-z][a-z-]*' "$1"; echo --help; } | sort -u
}
complete() { # WORD...
	bash -c '. "$1"; shift
	COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
	_waypost
	printf "%s\n" "${COMPREPLY[@]}"' bash \
		"$top/contrib/completion/waypost.bash" "$@" | sort -u
}
if command -v bash >/dev/null; then
	is 'bash completes the subcommands' "$(complete "$w" '')" \
		"$(printf '%s\n' --config --help --version -C $subcommands |
			sort -u)"
	for sub in $subcommands; do
		is "... options of $sub" "$(complete "$w" "$sub" --)" \
			"$(offered "$work/help/$sub")"
	done
	is '... verbs of queue' "$(complete "$w" queue '' | xargs)" \
		'export flush hold import list release remove requeue retry show'
fi
# What zsh's functions are given, by functions of these names.
zsh_complete() { # WORD...: the last one is completed
	zsh -f -c 'completion=$1; shift
	words=("$@"); CURRENT=$#; PREFIX=$words[CURRENT]
	_describe() { print -rl -- ${(P)2%%:*} }
	compadd() { shift $((${@[(i)--]})); print -rl -- "$@" }
	_files() { }
	_waypost() { . $completion }
	_waypost' zsh "$top/contrib/completion/_waypost" "$@" | sort -u
}
if command -v zsh >/dev/null; then
	is 'zsh completes the subcommands' "$(zsh_complete "$w" '')" \
		"$(printf '%s\n' --config --help --version -C $subcommands |
			sort -u)"
	for sub in $subcommands; do
		is "... options of $sub" "$(zsh_complete "$w" "$sub" --)" \
			"$(offered "$work/help/$sub")"
	done
	is '... verbs of queue' "$(zsh_complete "$w" queue '' | xargs)" \
		'export flush hold import list release remove requeue retry show'
fi
done_testing
