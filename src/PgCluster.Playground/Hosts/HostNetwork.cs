using System.Globalization;
using PgCluster.Adapters.Process;

namespace PgCluster.Playground.Hosts;

/// <summary>
/// Hosts on this machine: each is a set of namespaces (network, mounts, host name, IPC, process ids) and hangs by one cable on a bridge that stands in a
/// namespace of its own, from which no way leads out unless this machine is connected. All of it lives as long as its processes and leaves nothing behind but a directory. Addresses are of
/// 198.18.0.0/24, a network that is reserved for tests (RFC 2544). For root only.
/// </summary>
internal sealed class HostNetwork
{
    /// <summary>Address of the bridge: what runs in its namespace reaches every host.</summary>
    internal const string Address = "198.18.0.1";

    /// <summary>Address of this machine on the network of the hosts, where it is connected to it.</summary>
    internal const string MachineAddress = "198.18.0.2";

    /// <summary>The interface it is connected by.</summary>
    internal const string MachineInterface = "pgplayground";

    /// <summary>The bridge's end of the cable to this machine.</summary>
    internal const string MachinePort = "machine";

    /// <summary>The network of all hosts.</summary>
    internal const string Network = "198.18.0.0/24";

    // A station that nobody is: the bridge carries frames for it to everybody, and everybody drops them.
    private const string Nobody = "02:00:c6:12:ff:ff";
    private const int FirstHost = 11;

    // Whoever uses a part of it for something else is not to lose that.
    private const string Reserved = "198.18.0.0/15";

    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(20);

    private readonly List<NamespaceHost> _hosts = [];
    private readonly HashSet<(NamespaceHost From, NamespaceHost To)> _cuts = [];
    private readonly Lock _gate = new();
    private HostNetworkState _state;

    private HostNetwork(string root, HostNetworkState state, TimeProvider time)
    {
        Root = root;
        _state = state;
        Time = time;
    }

    /// <summary>The set's directory. Below it each host's disk is mounted, in the hub's and the hosts' own mount namespaces.</summary>
    internal string Root { get; }

    internal string Name => _state.Name;

    internal TimeProvider Time { get; }

    internal IReadOnlyList<NamespaceHost> Hosts => _hosts;

    internal ProcessIdentity Hub => _state.Hub!.Identity;

    /// <summary>Variables of every process of the set.</summary>
    internal IReadOnlyDictionary<string, string?> Environment => new Dictionary<string, string?> { [HostNetworkRemoval.Marker] = _state.Id };

    /// <summary>Makes the bridge, after having taken away what makers that are gone left behind.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.NotSupportedHere"/>, also where namespaces are forbidden; <see cref="Reason.AccessDenied"/>;
    /// <see cref="Reason.MissingProgram"/>; <see cref="Reason.InvalidArgument"/>.</exception>
    internal static async Task<HostNetwork> CreateAsync(HostNetworkOptions options, TimeProvider time, CancellationToken cancellationToken)
    {
        HostRequirements.Check();
        var parent = BaseDirectory(options);
        await HostNetworkRemoval.RunAbandonedAsync(parent, time, cancellationToken).ConfigureAwait(false);
        var id = Guid.NewGuid().ToString("N");
        var name = options.Name ?? "h" + id[..8];
        PlaygroundName.Validate(name);
        var root = Path.Combine(parent, name);
        if (Directory.Exists(root))
        {
            throw new PgClusterException(Reason.InvalidArgument, $"Hosts named '{name}' are there already, in {root}.") { Target = name };
        }

        Directory.CreateDirectory(root);
        var owner = ProcessIdentity.Find(System.Environment.ProcessId)!.Value;
        var state = new HostNetworkState
        {
            Id = id,
            Name = name,
            BootId = BootId.Current,
            Owner = options.OutlivesMaker ? null : HostNetworkState.HostProcess.Of("owner", owner),
        };
        state.Save(root);
        var network = new HostNetwork(root, state, time);
        try
        {
            await network.StartHubAsync(cancellationToken).ConfigureAwait(false);
            return network;
        }
        catch
        {
            await network.RemoveAsync(CancellationToken.None).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>A set that another process made; for a process that adds its hosts from inside the bridge's namespace.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.PlaygroundNotFound"/>.</exception>
    internal static HostNetwork Open(string root, TimeProvider time) =>
        HostNetworkState.TryRead(root) is { Hub: not null } state
            ? new HostNetwork(root, state, time)
            : throw new PgClusterException(Reason.PlaygroundNotFound, $"No hosts are in {root}.") { Target = root };

    /// <summary>Adds a host and switches it on. What it has written is kept when it is switched off, but not when the set is taken away.</summary>
    internal async Task<NamespaceHost> AddAsync(HostOptions options, CancellationToken cancellationToken)
    {
        PlaygroundName.Validate(options.Name);
        var number = Enumerable.Range(FirstHost, 200).First(free => _hosts.All(other => other.Number != free));
        var host = new NamespaceHost(this, options, number);
        Directory.CreateDirectory(host.Disk);
        List<string> limits = [string.Create(CultureInfo.InvariantCulture, $"size={options.DiskMegabytes}m"), "mode=755"];
        if (options.DiskOwner is { } owner)
        {
            limits.Add(string.Create(CultureInfo.InvariantCulture, $"uid={owner.UserId},gid={owner.GroupId}"));
        }

        await RunAtHubAsync("mount", "-t", "tmpfs", "-o", string.Join(',', limits), "tmpfs", host.Disk).ConfigureAwait(false);
        _hosts.Add(host);
        await host.PowerOnAsync(cancellationToken).ConfigureAwait(false);
        return host;
    }

    /// <summary>
    /// Connects the network that this process is in: every program there reaches the hosts, and they reach it. The cable goes with the bridge.
    /// Only one set at a time can be connected.
    /// </summary>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidArgument"/>: the addresses are taken.</exception>
    internal async Task ConnectAsync(CancellationToken cancellationToken)
    {
        await ThrowIfTakenAsync(Time, cancellationToken).ConfigureAwait(false);
        await RunAtHubAsync(
            "ip", "link", "add", MachinePort, "type", "veth", "peer", "name", MachineInterface, "netns", System.Environment.ProcessId.ToString(CultureInfo.InvariantCulture)).ConfigureAwait(false);
        lock (_gate)
        {
            _state = _state with { IsConnected = true };
            _state.Save(Root);
        }

        await RunAtHubAsync("ip", "link", "set", MachinePort, "master", "br0", "up").ConfigureAwait(false);
        foreach (string[] arguments in new[] { new[] { "address", "add", MachineAddress + "/24", "dev", MachineInterface }, ["link", "set", MachineInterface, "up"] })
        {
            await ProgramRunner.RunCheckedAsync(new ProgramCommand("ip", arguments), Reason.PlaygroundFailed, Budget, Time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Says no when this process's network has a use for the addresses of the hosts already.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidArgument"/>, naming the route.</exception>
    internal static async Task ThrowIfTakenAsync(TimeProvider time, CancellationToken cancellationToken)
    {
        var routes = await ProgramRunner.RunCheckedAsync(
            new ProgramCommand("ip", ["-4", "-oneline", "route", "show", "root", Reserved]), Reason.PlaygroundFailed, Budget, time, cancellationToken).ConfigureAwait(false);
        if (routes.Trim() is { Length: > 0 } taken)
        {
            throw new PgClusterException(
                Reason.InvalidArgument,
                $"The hosts would have addresses of {Network}, and this machine has a use for those already (ip route: {taken.Split('\n')[0].Trim()}): remove the playground or test that made it, or take that route away.")
            {
                Target = Network,
            };
        }
    }

    /// <summary>Directory of a host's disk, whether it is there yet or not.</summary>
    internal string DiskOf(string host) => Path.Combine(Root, host);

    /// <summary>Switches a host off and takes it away with its disk.</summary>
    internal async Task DiscardAsync(NamespaceHost host, CancellationToken cancellationToken)
    {
        await host.PowerOffAsync(cancellationToken).ConfigureAwait(false);
        await HealAsync(cut => cut.From == host || cut.To == host).ConfigureAwait(false);
        _hosts.Remove(host);
        await RunAtHubAsync("umount", host.Disk).ConfigureAwait(false);
        Directory.Delete(host.Disk);
    }

    /// <summary>The same command, run in the bridge's namespace, from where every host and every disk can be reached. The directory it starts in is the root.</summary>
    internal ProgramCommand AtHub(ProgramCommand command) => At(Hub, command);

    /// <inheritdoc cref="AtHub"/>
    internal static ProgramCommand At(ProcessIdentity hub, ProgramCommand command) => command with
    {
        FileName = "nsenter",
        Arguments = [.. Target(hub.Pid), "--net", "--mount", "--", command.FileName, .. command.Arguments],
    };

    /// <summary>Everything that <paramref name="from"/> sends to <paramref name="to"/> is lost from now on, without a word; the other direction goes on.</summary>
    internal async Task CutOneWayAsync(NamespaceHost from, NamespaceHost to)
    {
        lock (_gate)
        {
            _cuts.Add((from, to));
        }

        if (from.IsOn)
        {
            await from.SendToAsync(to, Nobody).ConfigureAwait(false);
        }
    }

    /// <summary>Nothing passes between the two any more, in either direction.</summary>
    internal async Task CutAsync(NamespaceHost one, NamespaceHost other)
    {
        await CutOneWayAsync(one, other).ConfigureAwait(false);
        await CutOneWayAsync(other, one).ConfigureAwait(false);
    }

    /// <summary>Takes every cut back and plugs every cable in.</summary>
    internal async Task HealAsync()
    {
        await HealAsync(_ => true).ConfigureAwait(false);
        foreach (var host in _hosts.Where(host => host.IsOn))
        {
            await host.PlugAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Ends everything that runs in it and deletes it.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.PlaygroundFailed"/>.</exception>
    internal Task RemoveAsync(CancellationToken cancellationToken) =>
        HostNetworkRemoval.RunAsync(Root, HostNetworkState.TryRead(Root) ?? _state, Time, cancellationToken);

    /// <inheritdoc cref="HostNetworkRemoval.RunAbandonedAsync"/>
    internal static Task<IReadOnlyList<string>> RemoveAbandonedAsync(HostNetworkOptions options, TimeProvider time, CancellationToken cancellationToken) =>
        HostNetworkRemoval.RunAbandonedAsync(BaseDirectory(options), time, cancellationToken);

    internal static string[] Target(int pid) => ["--target", pid.ToString(CultureInfo.InvariantCulture)];

    /// <summary>Runs a program to its end in the bridge's namespace.</summary>
    internal Task RunAtHubAsync(string program, params string[] arguments) => ProgramRunner.RunCheckedAsync(
        AtHub(new ProgramCommand(program, arguments) { Environment = Environment }), Reason.PlaygroundFailed, Budget, Time, CancellationToken.None);

    /// <summary>Writes down the first process of a host, or that it has none any more.</summary>
    internal void Save(NamespaceHost host, ProcessIdentity? init)
    {
        lock (_gate)
        {
            var others = _state.Inits.Where(other => other.Name != host.Name);
            _state = _state with { Inits = init is { } process ? [.. others, HostNetworkState.HostProcess.Of(host.Name, process)] : [.. others] };
            _state.Save(Root);
        }
    }

    /// <summary>After a host came up: what it may not reach is lost again.</summary>
    internal async Task RenewCutsAsync(NamespaceHost host)
    {
        foreach (var (_, to) in Cuts(cut => cut.From == host))
        {
            await host.SendToAsync(to, Nobody).ConfigureAwait(false);
        }
    }

    private async Task HealAsync(Func<(NamespaceHost From, NamespaceHost To), bool> isMeant)
    {
        foreach (var (from, to) in Cuts(isMeant))
        {
            if (from.IsOn)
            {
                await from.SendToAsync(to, null).ConfigureAwait(false);
            }

            lock (_gate)
            {
                _cuts.Remove((from, to));
            }
        }
    }

    private List<(NamespaceHost From, NamespaceHost To)> Cuts(Func<(NamespaceHost From, NamespaceHost To), bool> isMeant)
    {
        lock (_gate)
        {
            return [.. _cuts.Where(isMeant)];
        }
    }

    private static string BaseDirectory(HostNetworkOptions options) => Path.GetFullPath(options.BaseDirectory ?? "/var/tmp/pgcluster-hosts");

    private async Task StartHubAsync(CancellationToken cancellationToken)
    {
        var log = Path.Combine(Root, "hub.log");
        using var process = await DetachedProcess.StartAsync(
            new ProgramCommand("unshare", ["--net", "--mount", "--", "/bin/sh", "-c", HostScripts.Hub, "hub", Address + "/24"])
            {
                Environment = Environment,
                WorkingDirectory = "/",
            },
            log, cancellationToken).ConfigureAwait(false);
        if (ProcessIdentity.Find(process.Id) is { } hub)
        {
            _state = _state with { Hub = HostNetworkState.HostProcess.Of("hub", hub) };
            _state.Save(Root);
            var began = Time.GetTimestamp();
            while (hub.IsRunning && Time.GetElapsedTime(began) < Budget)
            {
                var isUp = await ProgramRunner.RunAsync(
                    AtHub(new ProgramCommand("ip", ["link", "show", "br0", "up"])), Budget, Time, cancellationToken).ConfigureAwait(false);
                if (isUp.Output.Contains("br0", StringComparison.Ordinal))
                {
                    return;
                }

                await Task.Delay(TimeSpan.FromMilliseconds(5), Time, cancellationToken).ConfigureAwait(false);
            }
        }

        throw new PgClusterException(Reason.NotSupportedHere, $"Namespaces or bridges cannot be made on this machine: {LogTail.Read(log)}") { Target = Name };
    }
}
