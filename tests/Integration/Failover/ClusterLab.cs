using System.Diagnostics;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using PgCluster.Adapters.Etcd;
using PgCluster.Adapters.Peers;
using PgCluster.Adapters.Postgres;
using PgCluster.Adapters.Process;
using PgCluster.Client;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Leadership;
using PgCluster.Engine.Topology;
using PgCluster.Playground;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Failover;

/// <summary>A real cluster, of three nodes unless said otherwise, with agents, proxies, poolers and etcd for the tests of one class, and what those need to disturb it.</summary>
public class ClusterLab : IAsyncLifetime
{
    private readonly string _name = "it-" + Guid.NewGuid().ToString("N")[..8];
    private readonly Dictionary<string, ProgramCommand> _commands = [];
    private readonly Dictionary<string, int> _pids = [];
    private PlaygroundManager _manager = null!;

    /// <summary>Options of the cluster's configuration that are not the product's.</summary>
    protected virtual Dictionary<string, string> Settings => [];

    /// <summary>How many servers it has.</summary>
    protected virtual int Nodes => 3;

    /// <summary>False when commits wait for no standby.</summary>
    protected virtual bool Synchronous => true;

    public PlaygroundInfo Info { get; private set; } = null!;

    public ClusterConnection Cluster { get; private set; } = null!;

    internal LoadedConfig Loaded { get; private set; } = null!;

    public EtcdStore Store { get; private set; } = null!;

    public GrpcClusterPeers Peers { get; private set; } = null!;

    public ClusterConfig Config => Loaded.Config;

    /// <summary>Whom the cluster's processes and files belong to; null for whoever runs the tests.</summary>
    internal static OsAccount? Account { get; } = OsAccount.IsRoot ? OsAccount.Find("postgres") : null;

    public static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _manager = MakeManager();
        var options = new PlaygroundOptions { Name = _name, Nodes = Nodes, Settings = new Dictionary<string, string>(Settings.Append(new("agent.handoff_directory", "")).DistinctBy(s => s.Key)), Synchronous = Synchronous, ReadyTimeout = TimeSpan.FromMinutes(4) };
        Info = await _manager.CreateAsync(options, null, CancellationToken.None);
        Cluster = ClusterConnection.Open(Info.ConfigFile);
        Loaded = ClusterConfiguration.Load(Info.ConfigFile, null);
        Store = new EtcdStore(StoreOptions.From(Config), TimeProvider.System, NullLogger<EtcdStore>.Instance);
        Peers = new GrpcClusterPeers(Config, TimeProvider.System);
        foreach (var process in Info.Processes.Where(p => p.Name.StartsWith("agent-", StringComparison.Ordinal) || p.Name.StartsWith("proxy-", StringComparison.Ordinal)))
        {
            var arguments = await ReadAsync(process.Pid, "cmdline");
            _commands[process.Name] = new ProgramCommand(arguments[0], arguments[1..])
            {
                Account = Account,
                WorkingDirectory = Info.Path,
                Environment = (await ReadAsync(process.Pid, "environ")).Select(e => e.Split('=', 2)).Where(e => e.Length == 2)
                    .ToDictionary(e => e[0], e => (string?)e[1], StringComparer.Ordinal),
            };
        }

        await WaitUntilCalmAsync();
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await Cluster.DisposeAsync();
        await Store.DisposeAsync();
        Peers.Dispose();
        await _manager.RemoveAsync(_name, null, CancellationToken.None);
    }

    /// <summary>The process of that name as it runs now, one that was started again included.</summary>
    public ProcessIdentity Process(string name) =>
        ProcessIdentity.Find(_pids.TryGetValue(name, out var again) ? again : Info.Processes.Single(p => p.Name == name).Pid)
        ?? throw new InvalidOperationException($"{name} does not run");

    /// <summary>kill -9, and it is gone when this returns.</summary>
    public async Task KillAsync(string name)
    {
        var process = Process(name);
        process.Signal(UnixSignal.Kill);
        await process.WaitForExitAsync(TimeProvider.System, Token);
    }

    /// <summary>Starts an agent or a proxy again, as its service manager would.</summary>
    public async Task StartAgainAsync(string name, IReadOnlyDictionary<string, string?>? environment = null)
    {
        var command = _commands[name] with { Environment = _commands[name].Environment.Concat(environment ?? new Dictionary<string, string?>()).ToDictionary() };
        using var process = await DetachedProcess.StartAsync(command, Info.Processes.Single(p => p.Name == name).LogFile, Token);
        _pids[name] = process.Id;
    }

    /// <summary>Says which process an agent or a proxy is now, where another than the last one started is.</summary>
    internal void Runs(string name, ProcessIdentity process) => _pids[name] = process.Pid;

    /// <summary>Starts the agent of a node that the playground was not made with; it goes with the playground.</summary>
    public async Task StartAgentOfAsync(string node)
    {
        var command = _commands["agent-pg01"];
        Directory.CreateDirectory(Path.Combine(Info.Path, node));
        command.Account?.Own(Path.Combine(Info.Path, node));
        _commands["agent-" + node] = command with { Arguments = [.. command.Arguments.Select(a => a == "pg01" ? node : a)] };
        using var process = await DetachedProcess.StartAsync(_commands["agent-" + node], Path.Combine(Info.Path, node, "agent.log"), Token);
        _pids["agent-" + node] = process.Id;
    }

    /// <summary>Starts one more agent, of a node that may have one, by another configuration. Whoever calls ends it.</summary>
    public async Task<ProcessIdentity> StartAgentByAsync(string node, string configFile, string logFile)
    {
        var command = _commands["agent-" + node];
        using var process = await DetachedProcess.StartAsync(command with { Arguments = [.. command.Arguments.Select(a => a == Info.ConfigFile ? configFile : a)] }, logFile, Token);
        return ProcessIdentity.Find(process.Id)!.Value;
    }

    /// <summary>What makes the playground.</summary>
    protected virtual PlaygroundManager MakeManager() => new();

    /// <summary>The postmaster of a node as its data directory says.</summary>
    public ProcessIdentity Postmaster(string node) => ProcessIdentity.Find(int.Parse(
        File.ReadLines(Path.Combine(Info.Path, node, "data", "postmaster.pid")).First(), CultureInfo.InvariantCulture))!.Value;

    /// <summary>Ends a node's PostgreSQL: by a kill, or as its administrator would. It is gone when this returns; it may be gone already, where its guard was quicker.</summary>
    public async Task EndPostmasterAsync(string node, UnixSignal signal)
    {
        if (DataDirectoryProcesses.FindPostmaster(Path.Combine(Info.Path, node, "data")) is { } postmaster)
        {
            postmaster.Signal(signal);
            await postmaster.WaitForExitAsync(TimeProvider.System, Token);
        }
    }

    public async Task<string> PrimaryAsync() => (await Cluster.GetClusterAsync(Token)).Primary ?? "nobody";

    /// <summary>Until one node is the primary and all others stream from it, no pooler is paused and nobody holds the lock.</summary>
    public async Task WaitUntilSoundAsync(TimeSpan? budget = null)
    {
        var last = "";
        try
        {
            await Poll.UntilAsync(
                "the cluster is sound",
                async () =>
                {
                    var nodes = await Cluster.GetNodesAsync(Token);
                    var poolers = await Cluster.GetPoolersAsync(Token);
                    var summary = await Cluster.GetClusterAsync(Token);
                    var primary = nodes.Where(n => n is { Role: NodeRole.Primary, State: NodeState.Running }).ToArray();
                    last = string.Join("; ", nodes.Select(n => $"{n.Name} {n.Role} {n.State} {n.SyncState} {n.Evidence}"))
                        + " | " + string.Join("; ", poolers.Select(p => $"{p.Name} {p.State} {p.PointsTo} {p.Evidence}")) + " | " + summary.LockHolder;
                    return primary.Length == 1
                        && nodes.Count(n => n is { Role: NodeRole.Standby, State: NodeState.Running } && n.Upstream == primary[0].Name && n.Timeline == primary[0].Timeline) == nodes.Count - 1
                        && nodes.Any(n => n.SyncState is SyncState.Sync or SyncState.Quorum)
                        && poolers.All(p => p.State == PoolerState.Active && p.PointsTo == $"{primary[0].Host}:{primary[0].Port}")
                        && summary.LockHolder is null
                        && summary.Primary == primary[0].Name
                        && summary.PrimaryAddress == $"{primary[0].Host}:{primary[0].Port}";
                },
                budget ?? TimeSpan.FromSeconds(60));
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message} Last seen: {last}", e);
        }
    }

    /// <summary>
    /// Until a leader beats, and has not stopped at the next beats: what the store knows of one that has just died, or has to stop because it could not renew its lease, looks
    /// sound for as long as nobody else has said anything.
    /// </summary>
    public async Task WaitUntilLedAsync()
    {
        var term = "";
        var beats = new HashSet<long>();
        await Poll.UntilAsync(
            "a leader beats",
            async () =>
            {
                var entry = await Store.GetAsync(StoreKeys.LeaderBeat, Token);
                if (LeaderBeat.FromJson(entry?.Value) is not { } beat)
                {
                    return false;
                }

                if (beat.Term != term)
                {
                    term = beat.Term;
                    beats.Clear();
                }

                return beats.Add(entry!.ModRevision) && beats.Count > 3;
            },
            TimeSpan.FromMinutes(3));
    }

    /// <summary>Until a leader that lives leads a cluster that is sound: after a disturbance that what is on record may not show yet.</summary>
    public async Task WaitUntilLedAndSoundAsync()
    {
        await WaitUntilLedAsync();
        await WaitUntilSoundAsync();
    }

    /// <summary>Writes one row through a pooler and reads which server took it.</summary>
    public async Task<int> WriteThroughAsync(string pooler)
    {
        await using var connection = new NpgsqlConnection(ConnectionString(pooler));
        await connection.OpenAsync(Token);
        await using var command = new NpgsqlCommand("CREATE TABLE IF NOT EXISTS it_writes (at timestamptz); INSERT INTO it_writes VALUES (now()); SELECT inet_server_port()", connection);
        await using var reader = await command.ExecuteReaderAsync(Token);
        await reader.ReadAsync(Token);
        return reader.GetInt32(0);
    }

    public string ConnectionString(string pooler)
    {
        var uri = new Uri(Info.Poolers.Single(p => p.Name == pooler).Uri);
        return $"Host={uri.Host};Port={uri.Port};Username={uri.UserInfo};Database={uri.AbsolutePath.Trim('/')};Pooling=false;No Reset On Close=true;"
            + "Server Compatibility Mode=NoTypeLoading;Timeout=30;Command Timeout=60;Application Name=it";
    }

    /// <summary>The port of a node's PostgreSQL.</summary>
    public int PortOf(string node) => Config.Nodes.Single(n => n.Name == node).Port;

    /// <summary>The command line as a process of its own.</summary>
    public Process StartCommandLine(params string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "pgcluster"), ["--config-file", Info.ConfigFile, .. arguments])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
        };

        // A process that has only just begun, beside many others, may need seconds for its first call; none of these tests is about that.
        start.Environment["PGCLUSTER_FAILOVER_HEALTH_CHECK_TIMEOUT"] = "8s";
        return System.Diagnostics.Process.Start(start)!;
    }

    /// <summary>
    /// Until every agent and every pooler's keeper has answered promptly a few times in a row, at most half a minute: processes that have only just begun, this one among them, compile what they
    /// do for the first time, and beside others that takes longer than the budgets of a first test. A plan that nobody follows asks for all that the next one will need.
    /// </summary>
    private async Task WaitUntilCalmAsync()
    {
        var clock = Stopwatch.StartNew();
        for (var prompt = 0; prompt < 5 && clock.Elapsed < TimeSpan.FromSeconds(30);)
        {
            var look = Stopwatch.StartNew();
            prompt = await AnswersAsync() && look.Elapsed < TimeSpan.FromSeconds(0.5) ? prompt + 1 : 0;
            await Task.Delay(100);
        }

        async Task<bool> AnswersAsync()
        {
            try
            {
                await Cluster.PlanFailoverAsync(new FailoverRequest { Actor = "it@here", Why = "nothing: nobody follows it" }, CancellationToken.None);
                return (await Cluster.GetNodesAsync(CancellationToken.None)).All(n => n.State == NodeState.Running)
                    && (await Cluster.GetPoolersAsync(CancellationToken.None)).All(p => p.State == PoolerState.Active);
            }
            catch (PgClusterException)
            {
                return false;
            }
        }
    }

    private static async Task<string[]> ReadAsync(int pid, string file) =>
        Encoding.UTF8.GetString(await File.ReadAllBytesAsync($"/proc/{pid}/{file}")).Split('\0', StringSplitOptions.RemoveEmptyEntries);
}
