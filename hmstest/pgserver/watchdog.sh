# Ends a server when the process that owns it is gone, however that ended.
#
# $1 process to wait for   $2 folder of a local cluster, or empty
# $3 "remove" or "keep" that folder   $4 name of a container, or empty   $5... files to remove
owner=$1 folder=$2 fate=$3 container=$4
shift 4
trap '' HUP INT

# alive PID: a zombie whose parent does not wait for it is dead; another user's process is not.
alive() {
	kill -0 "$1" 2>/dev/null || ps -p "$1" >/dev/null 2>&1 || return 1
	case $(ps -o stat= -p "$1" 2>/dev/null) in Z*) return 1 ;; esac
}

# postmaster prints the cluster's process id. A stale file may name a stranger, so its
# arguments must name our folder.
postmaster() {
	pid=$(head -n 1 "$folder/data/postmaster.pid" 2>/dev/null) || return 1
	[ -n "$pid" ] && alive "$pid" || return 1
	if [ -r "/proc/$pid/cmdline" ]; then
		line=$(tr '\0' ' ' <"/proc/$pid/cmdline")
	else
		line=$(ps -ww -o args= -p "$pid" 2>/dev/null)
	fi
	case $line in *"$folder/data"*) echo "$pid" ;; *) return 1 ;; esac
}

end_cluster() {
	signal=QUIT # PostgreSQL's immediate shutdown
	[ "$fate" = remove ] || signal=INT # the fast one, which leaves the data clean
	round=0
	# The owner may have gone while the cluster was just being made, so look more than once.
	while [ $round -lt 40 ]; do
		round=$((round + 1))
		if pid=$(postmaster); then
			[ $round -lt 30 ] || signal=KILL
			kill -$signal "$pid" 2>/dev/null
		elif [ "$fate" != remove ]; then
			[ $round -lt 3 ] || return
		elif rm -rf "$folder" 2>/dev/null && [ $round -gt 2 ] && [ ! -e "$folder" ]; then
			return
		fi
		sleep 0.2
	done
}

end_container() {
	if command -v docker >/dev/null 2>&1; then
		docker rm --force --volumes "$container" >/dev/null 2>&1
	elif command -v curl >/dev/null 2>&1; then
		socket=${DOCKER_HOST:-unix:///var/run/docker.sock}
		curl -s --max-time 30 --unix-socket "${socket#unix://}" -X DELETE "http://docker/containers/$container?force=1&v=1" >/dev/null 2>&1
	fi
}

while alive "$owner"; do sleep 1; done
[ -z "$folder" ] || end_cluster
[ -z "$container" ] || end_container
[ $# -eq 0 ] || rm -f "$@"
