using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using PgCluster.Adapters.Etcd;
using PgCluster.Client;
using PgCluster.Playground;
using PgCluster.Engine.Configuration;
using PgCluster.Playground.Hosts;
using PgCluster.Playground.Pacemaker;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Pacemaker;

/// <summary>A cluster that a real Pacemaker holds together, with our agents and proxies, for the tests of one class.</summary>
public sealed class PacemakerCluster : IAsyncLifetime
{
    // Corosync, Pacemaker and three servers begin on a machine that may have more to do; 25 s on one that has not.
    internal static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    /// <summary>Pacemaker moves in 3 to 12 s on a machine that does nothing else, and this one has more to do.</summary>
    private static readonly Dictionary<string, string> Unhurried = new() { ["failover.migrate_timeout"] = "40s", ["failover.pause_expiry"] = "50s", ["failover.health_check_timeout"] = "10s", ["failover.lock_timeout"] = "15s" };

    private HostNetwork? _network;

    internal PacemakerHosts Hosts { get; private set; } = null!;

    public ClusterConnection Cluster { get; private set; } = null!;

    public EtcdStore Store { get; private set; } = null!;

    public ClusterConfig Config { get; private set; } = null!;

    public string ClientUri => Hosts.ClientUri;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        if (!PacemakerLab.IsPossible)
        {
            // Each test says so itself.
            return;
        }

        _network = await PacemakerLab.MakeHostsAsync(CancellationToken.None);
        await _network.ConnectAsync(CancellationToken.None);
        Hosts = new PacemakerHosts(_network, new PacemakerHostsOptions { Agents = true, Settings = Unhurried });
        await Hosts.StartAsync(null, CancellationToken.None);
        await Hosts.WaitUntilSoundAsync(Patience, CancellationToken.None);
        Config = ClusterConfiguration.Load(Hosts.ConfigFile, null).Config;
        Cluster = ClusterConnection.Open(Hosts.ConfigFile);
        Store = new EtcdStore(StoreOptions.From(Config), TimeProvider.System, NullLogger<EtcdStore>.Instance);
    }

    public async ValueTask DisposeAsync()
    {
        if (Cluster is not null)
        {
            await Cluster.DisposeAsync();
            await Store.DisposeAsync();
        }

        if (_network is not null)
        {
            await _network.RemoveAsync(CancellationToken.None);
        }
    }

    /// <summary>The primary's name.</summary>
    public async Task<string> PrimaryAsync() => (await Cluster.GetNodesAsync(Token)).Single(n => n is { Role: NodeRole.Primary, State: NodeState.Running }).Name;

    /// <summary>Until Pacemaker, agents, poolers and the store agree: one primary, the others stream from it, nothing is left over.</summary>
    public async Task WaitUntilSoundAsync()
    {
        PacemakerLab.SkipUnlessPossible();
        var amiss = "";
        try
        {
            await Poll.UntilAsync("the cluster is sound", async () => (amiss = await AmissAsync()).Length == 0, Patience);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message} {amiss}\n{await ShowAsync()}", e);
        }
    }

    /// <summary>Until something is so.</summary>
    public static Task WaitUntilAsync(string what, Func<Task<bool>> condition) => Poll.UntilAsync(what, condition, Patience);

    /// <summary>Until a check of the cluster says so, or the other condition holds.</summary>
    public Task WaitUntilSaidAsync(string what, Func<PreflightCheck, bool> said, Func<ClusterNode, bool>? or = null) => WaitUntilAsync(
        what, async () => (await Cluster.CheckAsync(Token)).Any(said) || (or is not null && (await Cluster.GetNodesAsync(Token)).Any(or)));

    /// <summary>Until the store has that node's address as the primary's.</summary>
    public Task WaitUntilPublishedAsync(string node) =>
        WaitUntilAsync($"{node} is published as the primary", async () => (await Store.GetAsync("/master", Token))?.Value == Hosts.Host(node).Address);

    /// <summary>What keeps the cluster from being sound; empty when nothing does.</summary>
    public async Task<string> AmissAsync()
    {
        var (roles, why) = await Hosts.LookAsync(Token);
        if (roles is null)
        {
            return why;
        }

        var cib = await PacemakerHosts.ReadAsync(Hosts.Host(roles.Primary!.Node.Name), Token);
        var nodes = await Cluster.GetNodesAsync(Token);
        var poolers = await Cluster.GetPoolersAsync(Token);
        var address = Hosts.Host(roles.Primary.Node.Name).Address;
        string[] amiss =
        [
            .. cib.Moves.Select(m => $"{m.Id} is left"),
            .. roles.Servers.SelectMany(s => s.Failures.Select(f => $"{s.Node.Name} failed to {f.Key}")),
            .. nodes.Where(n => n.State != NodeState.Running || (n.Name != roles.Primary.Node.Name && n.Upstream != roles.Primary.Node.Name)).Select(n => $"{n.Name} is {n.Role} {n.State} of {n.Upstream}: {n.Evidence}"),
            .. poolers.Where(p => p.State != PoolerState.Active || p.PointsTo != address + ":5432").Select(p => $"{p.Name} is {p.State} and leads to {p.PointsTo}"),
            .. (await Store.GetAsync("/master", Token))?.Value == address ? (string[])[] : ["the store names another"],
        ];
        return string.Join("; ", amiss);
    }

    /// <summary>A planned failover; what it came to.</summary>
    public async Task<OperationReport> FailOverAsync(FailoverRequest request) =>
        await Cluster.RunFailoverAsync(await Cluster.PlanFailoverAsync(request, Token), request, null, Token);

    /// <summary>Which server answers through a pooler, by its address.</summary>
    public async Task<string> ReachAsync(string pooler)
    {
        await using var connection = await ConnectAsync(pooler);
        return await ReachAsync(connection);
    }

    /// <summary>Which server answers a client of a pooler, by its address.</summary>
    public static async Task<string> ReachAsync(NpgsqlConnection client)
    {
        await using var command = new NpgsqlCommand("SELECT host(inet_server_addr())", client);
        return Convert.ToString(await command.ExecuteScalarAsync(Token), CultureInfo.InvariantCulture)!;
    }

    /// <summary>A client of a pooler.</summary>
    public async Task<NpgsqlConnection> ConnectAsync(string pooler)
    {
        var found = Config.Poolers.Single(p => p.Name == pooler);
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder
        {
            Host = found.Host,
            Port = found.Port,
            Username = PlaygroundFiles.AppUser,
            Database = PlaygroundFiles.AppDatabase,
            Pooling = false,
        }.ConnectionString);
        try
        {
            await connection.OpenAsync(Token);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    public async Task<string> ShowAsync()
    {
        var texts = new List<string>();
        foreach (var host in Hosts.DatabaseHosts.Where(h => h.IsOn).Take(1))
        {
            texts.Add(await PacemakerHosts.ShowAsync(host, CancellationToken.None));
        }

        texts.AddRange(Hosts.Units.Where(u => u.Name.StartsWith("agent-", StringComparison.Ordinal)).Select(u => $"--- {u.Name}:\n{string.Join('\n', File.ReadLines(u.LogFile).TakeLast(30))}"));
        return string.Join('\n', texts);
    }
}
