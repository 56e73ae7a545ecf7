using System.Globalization;
using System.Net;
using PgCluster.Adapters.Process;
using PgCluster.Engine.Configuration;
using PgCluster.Playground.Hosts;

namespace PgCluster.Playground.Pacemaker;

/// <summary>
/// A cluster that Pacemaker holds together, on hosts of its own: Corosync, Pacemaker, PostgreSQL under ocf:heartbeat:pgsql and PgBouncer on each database host, etcd on the first of them, PgBouncer on the
/// application's. Everything is reached through the hosts themselves, so it can be used from any network and mount namespace.
/// </summary>
internal sealed partial class PacemakerHosts
{
    private const UnixFileMode ReadableByAll = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
    private const double RestartDelay = 1;

    // As their systemd units have it.
    private const int Niceness = -10;
    private const int ServerPort = 5432;
    private const int PoolerPort = 6432;
    private const int AgentPort = 7432;
    private const int HttpPort = 8432;

    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(250);

    private readonly PacemakerHostsOptions _options;
    private readonly BaseDirectory _home;
    private readonly PlaygroundPrograms _programs = PlaygroundPrograms.Find();
    private readonly OsAccount _account = OsAccount.Find("postgres")!;
    private readonly List<HostUnit> _units = [];
    private (string Program, string[] First) _agent;

    /// <summary>Makes it; nothing is touched before it is started.</summary>
    /// <param name="network">The hosts, none of which is there yet.</param>
    /// <param name="options">What it is to be.</param>
    /// <param name="home">Where templates of data directories are; null for the playgrounds'.</param>
    internal PacemakerHosts(HostNetwork network, PacemakerHostsOptions options, BaseDirectory? home = null)
    {
        _options = options;
        _home = home ?? new BaseDirectory(null, network.Time);
        Network = network;
        Paths = new PacemakerPaths(new PlaygroundPaths(options.Root ?? Path.Combine(network.Root, "cluster")));
        State = new PlaygroundState
        {
            Id = network.Name,
            Name = options.Name ?? network.Name,
            BootId = BootId.Current,
            UserId = _account.UserId,
            CreatedAt = network.Time.GetUtcNow(),
            Manager = ClusterManager.Pacemaker,
            Synchronous = true,
            Servers = [],
            Etcd = [],
            Poolers = [],
        };
    }

    internal HostNetwork Network { get; }

    internal PacemakerPaths Paths { get; }

    /// <summary>Its servers, members of etcd and poolers with their addresses; none before it was started.</summary>
    internal PlaygroundState State { get; private set; }

    /// <summary>pg01, pg02 and so on.</summary>
    internal IReadOnlyList<NamespaceHost> DatabaseHosts { get; private set; } = [];

    internal NamespaceHost Application { get; private set; } = null!;

    internal IReadOnlyList<HostUnit> Units => _units;

    /// <summary>The configuration of agents, proxies and clients.</summary>
    internal string ConfigFile => Paths.Cluster.Config;

    /// <summary>libpq URI of the application's PgBouncer.</summary>
    internal string ClientUri => PlaygroundFiles.ClientUri(State.Poolers[^1]);

    internal NamespaceHost Host(string node) => DatabaseHosts.Single(host => host.Name == node);

    internal HostUnit Unit(string name) => _units.Single(unit => unit.Name == name);

    /// <summary>Makes hosts and files and starts everything; Pacemaker has not yet promoted anybody when this returns.</summary>
    /// <param name="progress">Told what is being done.</param>
    /// <param name="cancellationToken">Ends it; who made the hosts takes them away.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.MissingProgram"/>, <see cref="Reason.PlaygroundFailed"/>.</exception>
    internal async Task StartAsync(IProgress<string>? progress, CancellationToken cancellationToken)
    {
        PacemakerPrograms.Check();
        Paths.Cluster.Validate();
        _home.Prepare();
        var template = await new ServerTemplate(_home, _programs, Network.Time).GetAsync(progress, cancellationToken).ConfigureAwait(false);
        MakeShared();
        progress?.Report("Making the hosts");
        await AddHostsAsync(cancellationToken).ConfigureAwait(false);
        await WriteConfigurationAsync(cancellationToken).ConfigureAwait(false);
        AddUnits();
        progress?.Report("Making the data directories");
        await Task.WhenAll(DatabaseHosts.Select(host => PrepareAsync(host, template, cancellationToken))).ConfigureAwait(false);
        progress?.Report("Starting Corosync and Pacemaker");
        await Task.WhenAll(DatabaseHosts.Append(Application).Select(host => StartUnitsAsync(host, cancellationToken))).ConfigureAwait(false);
    }

    /// <summary>What was started, to be written down.</summary>
    internal IReadOnlyList<PlaygroundState.StartedProcess> Processes() =>
        [.. _units.Where(unit => unit.Started is not null).Select(unit => new PlaygroundState.StartedProcess(unit.Name, unit.Started!.Value.Pid, unit.Started.Value.StartTicks, unit.LogFile))];

    /// <summary>The groups as the hosts know them.</summary>
    private string Groups => Path.Combine(Network.Root, "group");

    /// <summary>The resource agents' functions without their defect; there where the installed ones have it.</summary>
    private string Functions => Path.Combine(Network.Root, "ocf-shellfuncs");

    private static string PacemakerUnit(string node) => "pacemaker-" + node;

    private static string CorosyncUnit(string node) => "corosync-" + node;

    /// <summary>What all hosts see: on the disk of this machine, in directories that exist before a host comes up.</summary>
    private void MakeShared()
    {
        string[] names = [.. Enumerable.Range(1, _options.Nodes).Select(NodeName), "app"];
        string[] directories = [Paths.Cluster.Root, Paths.Cluster.Sockets, Paths.Own, Paths.Logs, Paths.OwnLogs];
        foreach (var directory in directories.Concat(names.Select(name => Path.Combine(Paths.Logs, name))).Concat(names.Select(Paths.Cluster.Of)))
        {
            _home.Make(directory);
        }

        // In the hosts' own directory, which is root's: root reads them.
        DurableFile.Write(Groups, PacemakerFiles.WithMember(File.ReadAllText(PacemakerPaths.GroupFile), PacemakerPrograms.Group, _account.Name), ReadableByAll);
        if (OcfFunctions.Repair(File.ReadAllText(OcfFunctions.Installed)) is { } repaired)
        {
            DurableFile.Write(Functions, repaired, ReadableByAll);
        }
    }

    private async Task AddHostsAsync(CancellationToken cancellationToken)
    {
        var hosts = new List<NamespaceHost>();
        for (var i = 1; i <= _options.Nodes; i++)
        {
            hosts.Add(await AddAsync(
                NodeName(i),
                disk =>
                [
                    new(Path.Combine(disk, "corosync"), PacemakerPaths.CorosyncDirectory),
                    new(Path.Combine(disk, "corosync-state"), PacemakerPaths.CorosyncState),
                    new(Path.Combine(disk, "pacemaker-state"), PacemakerPaths.PacemakerState),
                    new(Path.Combine(disk, "postgres"), Paths.Own),
                    .. File.Exists(Functions) ? new HostMount[] { new(Functions, OcfFunctions.Installed) } : [],
                ],
                cancellationToken).ConfigureAwait(false));
        }

        DatabaseHosts = hosts;
        Application = await AddAsync("app", _ => [], cancellationToken).ConfigureAwait(false);
        State = State with
        {
            Servers = [.. hosts.Select(host => new PlaygroundState.Server(host.Name, ServerPort, AgentPort, HttpPort) { Host = host.Address })],
            Etcd = [.. hosts.Take(_options.EtcdMembers).Select((host, i) => new PlaygroundState.EtcdMember(
                string.Create(CultureInfo.InvariantCulture, $"etcd{i + 1}"), 2379, 2380) { Host = host.Address })],
            Poolers =
            [
                .. hosts.Select(host => new PlaygroundState.Pooler(host.Name, host.Name, PoolerPort, AgentPort) { Host = host.Address }),
                new PlaygroundState.Pooler("app", "", PoolerPort, AgentPort) { Host = Application.Address },
            ],
        };
    }

    private Task<NamespaceHost> AddAsync(string name, Func<string, IReadOnlyList<HostMount>> mounts, CancellationToken cancellationToken) => Network.AddAsync(
        new HostOptions(name)
        {
            DiskMegabytes = _options.DiskMegabytes,
            DiskOwner = _account,
            PrivateDirectories = [Paths.Cluster.Sockets],
            Mounts =
            [
                .. mounts(Network.DiskOf(name)),
                new(Path.Combine(Paths.Logs, name), Paths.OwnLogs),
                new(Groups, PacemakerPaths.GroupFile),
            ],
        },
        cancellationToken);

    private async Task WriteConfigurationAsync(CancellationToken cancellationToken)
    {
        using var authority = new CertificateAuthority(Network.Time, $"playground {State.Name}");
        var (certificate, key) = authority.Issue("host", [.. Network.Hosts.Select(host => IPAddress.Parse(host.Address))]);
        var tls = new TlsConfig { CaFile = Paths.Cluster.Of("ca.crt"), CertFile = Paths.Cluster.Of("host.crt"), KeyFile = Paths.Cluster.Of("host.key") };
        Write(tls.CaFile, authority.Certificate);
        Write(tls.CertFile, certificate);
        DurableFile.Write(tls.KeyFile, key, UnixFileMode.UserRead | UnixFileMode.UserWrite, _account);
        var config = PlaygroundFiles.Cluster(State, Paths.Cluster, _programs);
        config = PlaygroundFiles.With(_options.Settings, config with
        {
            Tls = tls,
            Nodes = [.. config.Nodes.Select(node => node with { DataDirectory = Paths.DataDirectory, LogFile = Paths.ServerLog })],
        });
        Write(ConfigFile, ConfigRenderer.Render(config, comments: true));
        Write(Paths.Cluster.UserList, PlaygroundFiles.UserList());
        foreach (var pooler in State.Poolers)
        {
            // The file with its process id goes with the power, as one in /run does.
            var template = PlaygroundFiles.PoolerTemplate(Paths.Cluster, pooler, config.Leader.Ttl)
                .Replace(Paths.Cluster.PoolerPidFile(pooler.Name), Path.Combine(Paths.Cluster.Sockets, "pgbouncer.pid"), StringComparison.Ordinal);
            Write(Paths.Cluster.PoolerTemplate(pooler.Name), template);
            Write(Paths.Cluster.PoolerConfig(pooler.Name), PlaygroundFiles.Render(template, State.Servers[0]));
        }

        if (_options.Agents)
        {
            _agent = await AgentProgram.PrepareAsync(
                _options.AgentExecutable ?? AgentProgram.FindBesideThis(), _account, Paths.Cluster.Of("agent"), Network.Time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>What a database host has on its disk before anything runs there.</summary>
    private async Task PrepareAsync(NamespaceHost host, string template, CancellationToken cancellationToken)
    {
        var server = State.Servers.Single(server => server.Name == host.Name);
        await host.RunAsync(new ProgramCommand("cp", ["-a", "--reflink=auto", template, Paths.DataDirectory]) { Account = _account, WorkingDirectory = "/" }, cancellationToken).ConfigureAwait(false);
        await host.WriteAsync(
            Path.Combine(Paths.DataDirectory, "postgresql.conf"), PlaygroundFiles.PostgresConf(State, Paths.Cluster, server), _account, "600", cancellationToken).ConfigureAwait(false);
        await host.WriteAsync(Path.Combine(Paths.DataDirectory, "pg_hba.conf"), PlaygroundFiles.HostAccess(HostNetwork.Network), _account, "600", cancellationToken).ConfigureAwait(false);
        await host.WriteAsync(Path.Combine(PacemakerPaths.CorosyncDirectory, "corosync.conf"), PacemakerFiles.Corosync(State), null, "644", cancellationToken).ConfigureAwait(false);

        // Whoever is the first to come up begins with it; so do the others, and it is the same.
        var owner = OsAccount.Find(PacemakerPrograms.User)!;
        await RunAsync(
            host, "install",
            ["-d", "-m", "750", "-o", PacemakerPrograms.User, "-g", PacemakerPrograms.Group, PacemakerPaths.CibDirectory, PacemakerPaths.CoreDirectory], cancellationToken).ConfigureAwait(false);
        await host.WriteAsync(
            Path.Combine(PacemakerPaths.CibDirectory, "cib.xml"), PacemakerFiles.Cib(State, Paths, _programs.PostgresBin), owner, "600", cancellationToken).ConfigureAwait(false);
    }

    private void AddUnits()
    {
        foreach (var (pooler, host) in State.Poolers.Zip(DatabaseHosts.Append(Application)))
        {
            if (State.Etcd.FirstOrDefault(member => member.Host == host.Address) is { } member)
            {
                Add(member.Name, host, "etcd", _programs.Etcd, EtcdArguments.Of(State.Etcd, member, Path.Combine(host.Disk, "etcd"), State.Name));
            }

            Add("pgbouncer-" + pooler.Name, host, "pgbouncer", _programs.PgBouncer, [Paths.Cluster.PoolerConfig(pooler.Name)]);
            if (pooler.Node.Length > 0)
            {
                AddDaemon(CorosyncUnit(host.Name), host, "corosync", PacemakerPrograms.Corosync, ["-f"], []);
                AddDaemon(
                    PacemakerUnit(host.Name), host, "pacemakerd", PacemakerPrograms.Pacemakerd, [],
                    new() { ["PCMK_logfile"] = Path.Combine(Paths.OwnLogs, "pacemaker.log"), ["PCMK_logfacility"] = "none", ["HA_LOGFACILITY"] = "none" });
            }

            if (!_options.Agents)
            {
                continue;
            }

            if (pooler.Node.Length > 0)
            {
                Add("agent-" + pooler.Node, host, "agent", _agent.Program, [.. _agent.First, "supervise", "--config-file", ConfigFile, "--node", pooler.Node], Niceness);
            }

            Add("proxy-" + pooler.Name, host, "proxy", _agent.Program, [.. _agent.First, "proxy", "--config-file", ConfigFile, "--pooler", pooler.Name], Niceness);
        }
    }

    private void Add(string name, NamespaceHost host, string log, string program, IReadOnlyList<string> arguments, int niceness = 0)
    {
        // Agents start Pacemaker's tools, and a scheduled task's PATH has not the directories of daemons.
        var environment = PlaygroundRun.CleanEnvironment(Paths.Cluster.Root);
        environment["PATH"] = $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/usr/bin:/sbin:/bin";
        _units.Add(new HostUnit(
            name, host, new ProgramCommand(program, arguments) { Account = _account, WorkingDirectory = "/", Environment = environment, Niceness = niceness }, RestartDelay, Paths.Log(host.Name, log)));
    }

    /// <summary>A daemon of root's that nobody starts again.</summary>
    private void AddDaemon(string name, NamespaceHost host, string log, string program, IReadOnlyList<string> arguments, Dictionary<string, string?> environment)
    {
        foreach (var (variable, value) in PlaygroundRun.CleanEnvironment("/"))
        {
            environment[variable] = value;
        }

        _units.Add(new HostUnit(name, host, new ProgramCommand(program, arguments) { WorkingDirectory = "/", Environment = environment }, null, Paths.Log(host.Name, log)));
    }

    private async Task StartUnitsAsync(NamespaceHost host, CancellationToken cancellationToken)
    {
        foreach (var unit in _units.Where(unit => unit.Host == host))
        {
            await unit.StartAsync(cancellationToken).ConfigureAwait(false);
            if (unit.Name == CorosyncUnit(host.Name))
            {
                await WaitForCorosyncAsync(unit, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Until it answers: Pacemaker ends when it does not.</summary>
    private async Task WaitForCorosyncAsync(HostUnit unit, CancellationToken cancellationToken)
    {
        var began = Network.Time.GetTimestamp();
        while (true)
        {
            try
            {
                await RunAsync(unit.Host, PacemakerPrograms.CorosyncCfgTool, ["-s"], cancellationToken).ConfigureAwait(false);
                return;
            }
            catch (PgClusterException e)
            {
                if (unit.Process is null || Network.Time.GetElapsedTime(began) > Budget)
                {
                    throw new PgClusterException(Reason.PlaygroundFailed, $"Corosync does not come up on {unit.Host.Name}. Its log says:\n{LogTail.Read(unit.LogFile)}", e) { Target = unit.Name };
                }
            }

            await Task.Delay(Look, Network.Time, cancellationToken).ConfigureAwait(false);
        }
    }

    private void Write(string path, string content) => DurableFile.Write(path, content, ReadableByAll, _account);

    private static string NodeName(int number) => string.Create(CultureInfo.InvariantCulture, $"pg{number:00}");
}
