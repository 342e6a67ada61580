/// What docs/configuration.md says around its tables.
enum ReferenceProse {
  static let beforeTables = """
    # Configuration

    <!-- Written by Tests/ConfigurationTests from SettingsKey.all. To change it, change that (or
    ReferenceProse.swift) and run
    MARTLET_REGENERATE=1 swift test --filter ReferenceTests -->

    `martletd` reads one YAML file at start: `/etc/martlet/martlet.yaml`, or what `--config` names. It
    looks nowhere else. While it runs it reads the file again when it is told to (`martlet reload`, or
    SIGHUP): what can change under packets then does, and of the rest it is said that it needs a
    restart. [config/martlet.yaml](../config/martlet.yaml) is a sample with every key explained, and
    [config/schema/config.schema.json](../config/schema/config.schema.json) a JSON Schema (draft
    2020-12) for editors; with the YAML language server, put this line on top of a configuration:

    ```yaml
    # yaml-language-server: $schema=/path/to/config.schema.json
    ```

    ## Checking

    `martletd --check --config FILE` says everything that is wrong, one problem a line, and starts
    nothing:

    ```console
    $ martletd --check --config martlet.yaml
    martlet.yaml:3: engine.wokers: is no key of the configuration; did you mean workers?
    martlet.yaml:8: ports[0].queues: is 3 for 1 workers; each queue needs a worker of its own
    $ echo $?
    78
    ```

    | Exit status | Meaning |
    | --- | --- |
    | 0 | the configuration is right; warnings may stand on standard error |
    | 64 | the command line is wrong |
    | 78 | the configuration is wrong, or asks for cores that the machine does not have |

    A start without `--check` says the same and ends with the same status, before any port is touched.
    The unit [config/martletd.service](../config/martletd.service) checks before each start and does
    not try again after 78. Whether devices exist and hugepages suffice shows only at the start itself:
    a device or capture that is not there is 78 as well, anything else that fails there is exit
    status 1. A Redis that does not answer ends nothing: records wait for it.

    ## The file

    - A file has at most 1 MiB of UTF-8 text and holds one YAML document. Anchors, aliases and merge
      keys are refused, as is nesting deeper than any configuration's.
    - A key that is not in the tables below is an error, and so is a key that stands twice.
    - A key with nothing behind its colon, `~` or `null` is as good as none; only a sink's `type: null`
      is the type of that name.
    - Where a list is wanted, a single value stands for a list of one.
    - Relative paths (`player.capture`, `path`, `passwordFile`) begin at the configuration's folder;
      that of `control.socket` at the folder in which the daemon was started.
    - Whole numbers may have underscores: `1_000_000`.

    ### References to the environment

    In any value, `${NAME}` is replaced by an environment variable, and `${NAME:-default}` by the
    default where the variable is not set or empty. Without a default, a variable that is not set is
    an error. In a list between brackets such a value stands in quotes. What comes from the
    environment is checked like anything else, and not looked through for further references.

    ```yaml
    engine:
      noHugepages: ${MARTLET_NO_HUGEPAGES:-false}
      cores: ["${CORE_A:-2}", "${CORE_B:-3}"]
    ```

    A Redis password never stands in the file: `passwordFile` names a file whose first line it is,
    `passwordEnvironment` a variable.

    """

  static let afterTables = """

    ## Cores

    Each worker is a thread on a core of its own. The main thread and the publisher, which encodes
    records, need at least one core besides.

    - `engine.cores` and `engine.mainCore` left out: workers get cores on the ports' NUMA node first;
      the lowest core is left for the main thread.
    - `engine.cores` given: as many cores as workers, none twice, none of them `mainCore`. Only cores
      that the process may use count; a cpuset or `taskset` makes them fewer.
    - `engine.shareCores: true` lifts both rules, for machines with too few cores. Workers that share
      a core must not be `polling: busy`.

    Queue *i* of every port belongs to worker *i*, so a port has at most as many queues as there are
    workers. Fewer are right: a worker without a queue on one port polls the others. One without any
    queue gets only what others hand over, and draws a warning.

    ## Idle workers

    `engine.polling` says what a worker does when its queues have nothing; `martlet tune` changes it
    while the engine runs.

    - `adaptive`, the default: 20 µs of empty polls, then sleeps between polls, each twice as long as
      the one before, up to a bound. A packet that comes meanwhile waits in its queue's ring, so the
      bound is what the mode adds to latency; flows are not late, since their times are the clock's
      at the poll and records go out when they are due. Under load the mode never sleeps.
    - `busy`: empty polls without end. The core is at 100 %, whatever comes.

    The bound is `engine.maximumSleepMicroseconds`, or less where the rings would not hold what comes
    within that time: a worker never sleeps for longer than half of what its smallest ring lasts at
    its link's full rate with the shortest frames. At 10 Gbit/s that is 14.88 million packets a
    second: 1,024 descriptors last 69 µs, so 34 µs are slept at the most; 4,096 last 275 µs and allow
    137. The other half is for the wake-up itself, which takes a few microseconds on metal and tens
    on a virtual machine. `martlet status --json` has each worker's `sleepLimitMicroseconds`, and
    the counter `late_wake_ups` tells how many sleeps took more than twice the bound: where it rises,
    something else runs on the worker's core.

    ## Hugepages

    Packets are kept in hugepages. The start says how much a configuration needs, and how to reserve
    it, where there is too little. 512 pages of 2 MiB suffice for the sample:

    ```console
    # echo 512 > /proc/sys/vm/nr_hugepages
    ```

    `engine.noHugepages: true` runs in ordinary memory: at about half the speed, without hugepages,
    and without devices that need DMA. `engine.memoryMegabytes` then is what DPDK takes at start.

    ## Examples

    A 10 GbE port whose NIC spreads packets over four workers, records into Redis:

    ```yaml
    sensor: edge-1
    engine:
      workers: 4
    ports:
      - name: uplink
        device: "0000:03:00.0"
        rxDescriptors: 4096
    sinks:
      - type: redis
        url: redis://127.0.0.1:6379/0
    ```

    A kernel interface, without hugepages, on a machine with few cores, records on standard output:

    ```yaml
    sensor: lab
    engine:
      noHugepages: true
      shareCores: true
      polling: adaptive
    ports:
      - name: eth1
        device: net_af_packet0,iface=eth1
    sinks:
      - type: stdout
    ```

    A capture file, at its own pace and then as fast as it goes, records into a file that is rotated
    every hour:

    ```yaml
    sensor: replay
    engine:
      workers: 2
      noHugepages: true
      shareCores: true
    ports:
      - name: capture
        player:
          capture: trace.pcap
          passes: [original, max]
    sinks:
      - type: file
        path: eve.json
        rotateSeconds: 3600
        keepFiles: 24
    ```

    """
}
