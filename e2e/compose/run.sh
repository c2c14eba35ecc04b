#!/usr/bin/env bash
# Brings the compose stack up with a real container engine, and checks what it
# promises: every route at one address, alerts at their receivers, nothing lost and
# nothing counted twice while each container is killed under load.
#
#   e2e/compose/run.sh [--outage 20s] [--keep]
#
# --outage is how long the NATS server is away; --keep keeps the directory with the
# logs, which is kept after a failure anyway. Ends with 0 if everything held, with 77
# if no engine can be had here (it says why), else with another number.
#
# It uses the engine that docker reaches. Where there is none, and it is root on a
# Debian machine, it installs Debian's and starts one of its own in a network
# namespace of its own, which goes with the end. No image is pulled.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
began=$(date +%s)
step() { printf '\n== %s (after %d s)\n' "$*" $(($(date +%s) - began)); }
no_engine() { echo "no container engine: $*" >&2; exit 77; }

work=$(mktemp -d "${TMPDIR:-/tmp}/weir-compose-XXXXXX")
keep=
arguments=()
while (($#)); do
	case $1 in
	--keep) keep=1 ;;
	*) arguments+=("$1") ;;
	esac
	shift
done
export COMPOSE_PROJECT_NAME=weir-e2e-$$ COMPOSE_FILE=$root/deployments/compose.yaml:$work/test.yaml
export PROMETHEUS_IMAGE=weir-e2e-prometheus:$$ WEIR_IMAGE=weir-e2e:$$ NATS_IMAGE=weir-e2e-nats:$$ MAILSINK_IMAGE=weir-e2e-sink:$$ CONFIG_DIR=$work/config DOCKER_BUILDKIT=0
netns= checker= inside=() compose=()

# Each thing that was started goes, whatever happened, in the opposite order.
clean_up() {
	local code=$?
	trap - EXIT INT TERM
	set +e
	if [[ -n $checker ]] && kill -0 "$checker" 2>/dev/null; then
		kill "$checker"
		wait "$checker" 2>/dev/null
	fi
	if ((${#compose[@]})) && [[ -f $work/test.yaml ]]; then
		"${compose[@]}" logs --no-color >"$work/stack.log" 2>&1
		"${compose[@]}" --profile demo --profile prometheus down -v --remove-orphans --timeout 5 >>"$work/down.log" 2>&1
		"$docker" image rm -f "$WEIR_IMAGE" "$NATS_IMAGE" "$MAILSINK_IMAGE" "$PROMETHEUS_IMAGE" >/dev/null 2>&1
	fi
	if [[ -n $netns ]]; then
		if [[ -f $work/engine/dockerd.pid ]]; then
			local engine
			engine=$(cat "$work/engine/dockerd.pid")
			kill "$engine" 2>/dev/null
			for _ in $(seq 100); do kill -0 "$engine" 2>/dev/null || break; sleep 0.2; done
		fi
		umount "$work/engine/exec/netns/default" 2>/dev/null
		ip netns del "$netns"
		rm -rf "$work/engine"
	fi
	if [[ -n $keep || $code != 0 && $code != 77 && $code != 130 && $code != 143 ]]; then
		echo "logs are in $work" >&2
	else
		rm -rf "$work"
	fi
	exit "$code"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

install_engine() {
	[[ $(uname) == Linux && $(id -u) == 0 ]] || no_engine "docker does not answer, and to start one takes root on Linux"
	if [[ ! -x /usr/sbin/dockerd ]] || ! command -v docker-compose >/dev/null || ! command -v iptables >/dev/null || ! command -v ip >/dev/null; then
		command -v apt-get >/dev/null || no_engine "dockerd, docker-compose or iptables is missing, and there is no apt-get"
		step "install Debian's docker.io and docker-compose"
		{ apt-get update -qq && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends docker.io docker-compose iptables iproute2; } >"$work/apt.log" 2>&1 ||
			no_engine "apt-get could not install docker.io: $(tail -n 1 "$work/apt.log")"
	fi
}

start_engine() {
	local name=weir-e2e-$$
	ip netns add "$name" || no_engine "no network namespace can be made here"
	netns=$name
	ip -n "$name" link set lo up
	inside=(nsenter --net="/run/netns/$name")
	mkdir -p "$work/engine/data" "$work/engine/exec"
	export DOCKER_HOST=unix://$work/engine/docker.sock
	setsid "${inside[@]}" /usr/sbin/dockerd --data-root "$work/engine/data" --exec-root "$work/engine/exec" \
		--pidfile "$work/engine/dockerd.pid" -H "$DOCKER_HOST" >"$work/dockerd.log" 2>&1 &
	for _ in $(seq 120); do
		"$docker" version >/dev/null 2>&1 && return
		sleep 0.25
	done
	no_engine "dockerd does not start: $(grep -m1 -i 'failed\|error' "$work/dockerd.log" || tail -n 1 "$work/dockerd.log")"
}

docker=docker
if ! docker version >/dev/null 2>&1; then
	install_engine
	docker=/usr/bin/docker
	step "start an engine in a network namespace of its own"
	start_engine
fi
: >"$work/none" # not the .env of whoever runs this
if "$docker" compose version >/dev/null 2>&1; then
	compose=("$docker" compose --env-file "$work/none")
elif command -v docker-compose >/dev/null; then
	compose=(docker-compose --env-file "$work/none")
else
	no_engine "there is neither docker compose nor docker-compose"
fi
echo "engine $("$docker" version --format '{{.Server.Version}}'), ${compose[*]} $("${compose[@]}" version --short)"

step "build static binaries"
export CGO_ENABLED=0
mkdir -p "$work"/{weir,nats,sink}/root "$work/weir/root/etc/ssl/certs" "$work/weir/root/data"
cp -r "$root/deployments/config" "$work/config"
(cd "$root/cmd/weir" && go build -trimpath -buildvcs=false -ldflags '-s -w' -o "$work/weir/root/weir" .)
(cd "$root/e2e" && go build -trimpath -ldflags '-s -w' -o "$work/nats/root/nats-server" ./compose/natsserver && go build -trimpath -o "$work/check" ./compose)
ln "$work/nats/root/nats-server" "$work/nats/root/wget"
cp /etc/ssl/certs/ca-certificates.crt "$work/weir/root/etc/ssl/certs/" 2>/dev/null || : >"$work/weir/root/etc/ssl/certs/ca-certificates.crt"
cp "$(go env GOROOT)/lib/time/zoneinfo.zip" "$work/weir/root/"

step "build images"
"$docker" build -q --target prebuilt -f "$root/deployments/Dockerfile" -t "$WEIR_IMAGE" "$work/weir"
printf 'FROM scratch\nENV PATH=/\nCOPY root/ /\nENTRYPOINT ["/nats-server"]\n' >"$work/nats/Dockerfile"
"$docker" build -q -t "$NATS_IMAGE" "$work/nats"
if [[ -n $netns ]] && ! "$docker" run --rm --read-only --memory 64m --cpus 1 "$NATS_IMAGE" --version >"$work/run.log" 2>&1; then
	no_engine "the one that was started cannot run a container: $(tail -n 1 "$work/run.log")"
fi
cp "$work/check" "$work/sink/root/check"
printf 'FROM scratch\nCOPY root/ /\nENTRYPOINT ["/check", "mailsink"]\n' >"$work/sink/Dockerfile"
"$docker" build -q -t "$MAILSINK_IMAGE" "$work/sink"
# Debian's Prometheus, where this machine has it, with the libraries that it names.
if prometheus=$(command -v prometheus); then
	mkdir -p "$work/prometheus/root/bin"
	cp -L "$prometheus" "$work/prometheus/root/bin/prometheus"
	ldd "$prometheus" | grep -o '/[^ ]*' | xargs -r cp -L --parents -t "$work/prometheus/root"
	printf 'FROM scratch\nCOPY root/ /\nENTRYPOINT ["/bin/prometheus"]\nCMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]\n' >"$work/prometheus/Dockerfile"
	"$docker" build -q -t "$PROMETHEUS_IMAGE" "$work/prometheus"
	arguments+=(-prometheus)
else
	echo "the profile prometheus is not looked at: there is no prometheus on this machine"
fi

step "check"
"${inside[@]}" "$work/check" -work "$work" -docker "$docker" -compose "${compose[*]}" "${arguments[@]}" &
checker=$!
wait "$checker"
checker=
step "everything held"
