using System.Globalization;
using System.Text.Json;
using Npgsql;
using PgCluster.Bench.Hosts;
using PgCluster.Playground;
using PgCluster.Playground.Hosts;

namespace PgCluster.Bench.Unplanned;

/// <summary>Patroni on the same hosts as ours, with the same etcd beside it and the same settings of PostgreSQL; its clients come through HAProxy on the application's host.</summary>
internal sealed class PatroniCluster(HostNetwork network, PatroniSettings settings) : HostedCluster(network, EtcdLayout.Shared, new HostedClusterOptions())
{
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(10);

    private readonly HttpClient _rest = new() { Timeout = TimeSpan.FromSeconds(2) };

    protected override int RoutePort => PatroniFiles.RoutePort;

    /// <summary>One leader, the others stream from it, one of them synchronously, and the application can commit.</summary>
    public override async Task<(SoundRoles? Roles, string Amiss)> LookAsync(CancellationToken cancellationToken)
    {
        using var budget = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        budget.CancelAfter(Budget);
        try
        {
            var host = DatabaseHosts.First(host => host.IsOn);
            using var view = JsonDocument.Parse(await _rest.GetStringAsync(
                new Uri(string.Create(CultureInfo.InvariantCulture, $"http://{host.Address}:{PatroniFiles.RestPort}/cluster")), budget.Token));
            var members = view.RootElement.GetProperty("members").EnumerateArray()
                .Select(member => (Name: Text(member, "name"), Role: Text(member, "role"), State: Text(member, "state"), Timeline: Text(member, "timeline"))).ToList();
            var all = string.Join("; ", members.Select(member => $"{member.Name} {member.Role} {member.State} timeline {member.Timeline}"));
            if (members.Where(member => member is { Role: "leader", State: "running" }).ToList() is not [var leader] || members.Count != DatabaseHosts.Count)
            {
                return (null, $"not one leader and its standbys: {all}");
            }

            if (members.Where(member => member.Role == "sync_standby").ToList() is not [var synchronous])
            {
                return (null, $"nobody is synchronous: {all}");
            }

            await CommitAsync(budget.Token);
            var streaming = await SoundCheck.CountStreamingAsync(Host(leader.Name).Address, budget.Token);
            return streaming == members.Count - 1
                ? (new SoundRoles(
                    leader.Name, synchronous.Name, members.First(member => member != leader && member != synchronous).Name,
                    int.Parse(leader.Timeline, CultureInfo.InvariantCulture)), "")
                : (null, $"{leader.Name} itself says that {streaming} stream from it");
        }
        catch (Exception e) when (e is HttpRequestException or JsonException or NpgsqlException or TimeoutException)
        {
            return (null, e.Message);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (null, "no answer in time");
        }
    }

    public override async ValueTask DisposeAsync()
    {
        _rest.Dispose();
        await base.DisposeAsync();
    }

    protected override Task PrepareAsync(CancellationToken cancellationToken)
    {
        var script = Paths.Of("post_init.sh");
        Write(script, PatroniFiles.PostInit(Programs.PostgresBin));
        var state = new PlaygroundState
        {
            Id = Network.Name,
            Name = Network.Name,
            BootId = BootId.Current,
            UserId = Account.UserId,
            CreatedAt = TimeProvider.System.GetUtcNow(),
            Synchronous = true,
            Servers = [.. DatabaseHosts.Select(host => new PlaygroundState.Server(host.Name, 5432, 0, 0) { Host = host.Address })],
            Etcd = Etcd,
            Poolers = [],
        };
        var etcd = string.Join(',', Etcd.Select(member => string.Create(CultureInfo.InvariantCulture, $"{member.Host}:{member.ClientPort}")));
        foreach (var (host, server) in DatabaseHosts.Zip(state.Servers))
        {
            var file = Path.Combine(host.Disk, "patroni.yml");
            Write(file, PatroniFiles.Node(
                Network.Name, host, etcd, Programs.PostgresBin, Paths.Sockets, PlaygroundFiles.PostgresConf(state, Paths, server), script, settings));
            Add("patroni-" + host.Name, host, PatroniPrograms.Patroni, [file], PlaygroundRun.CleanEnvironment(host.Disk));
        }

        var proxy = Path.Combine(Application.Disk, "haproxy.cfg");
        Write(proxy, PatroniFiles.Proxy(Application, DatabaseHosts, settings));
        Add("haproxy", Application, PatroniPrograms.HaProxy, ["-db", "-f", proxy], PlaygroundRun.CleanEnvironment(Application.Disk));
        return Task.CompletedTask;
    }

    private static string Text(JsonElement member, string name) => member.TryGetProperty(name, out var value) ? value.ToString() : "-";
}
