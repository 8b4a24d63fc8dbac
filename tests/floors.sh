#!/bin/sh
# Each floor may include itself and what stands below it; peers on one floor
# (mail and net, smtpd and deliver) never meet.  Run from the project's root.
exec awk '
BEGIN {
	n = split("base mail|net conf queue submit smtpd|deliver", floors, " ")
	for (i = 1; i <= n; i++) {
		m = split(floors[i], rooms, "|")
		for (k = 1; k <= m; k++)
			rank[rooms[k]] = i
	}
}
/^#include "[a-z]*\// {
	split(FILENAME, path, "/")
	own = path[2]
	room = $2
	sub(/^"/, "", room)
	sub(/\/.*/, "", room)
	if (room != own && !(room in rank && rank[room] < rank[own])) {
		print FILENAME ": " own " may not include " room
		bad = 1
	}
}
END { exit bad }
' src/*/*.[ch]
