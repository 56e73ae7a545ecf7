using System.Diagnostics;
using PgCluster.Adapters.Process;
using PgCluster.Bench.Hosts;
using PgCluster.Client;
using PgCluster.Playground.Hosts;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Failover;

/// <summary>
/// Three hosts, each with PostgreSQL, its agent and a member of etcd, one of which is cut off without a word: the cluster of the fault suite, as it is made of namespaces.
/// </summary>
public sealed class LostHostTests
{
    private const string HostsVariable = "PGCLUSTER_TEST_HOSTS";

    // Votes and a promotion on a machine that may have more to do; what waits for a lost connection waits for minutes.
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Moment = TimeSpan.FromSeconds(30);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_primary_whose_host_is_cut_off_silently_is_fenced_and_replaced_and_comes_back()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && OsAccount.IsRoot, "hosts are made of namespaces, and only root may make them");
        HostNetwork network;
        try
        {
            network = await HostNetwork.CreateAsync(new HostNetworkOptions(), TimeProvider.System, Token);
        }
        catch (PgClusterException e) when (e.Reason is Reason.NotSupportedHere or Reason.MissingProgram)
        {
            Assert.Skip(e.Message);
            return;
        }

        try
        {
            // The hosts are to be reached from their own network only, so this very program goes on there.
            var program = Path.ChangeExtension(typeof(LostHostTests).Assembly.Location, null);
            var inside = network.AtHub(new ProgramCommand(
                program, ["-noColor", "-explicit", "only", "-method", $"{typeof(LostHostTests).FullName}.{nameof(On_the_network_of_the_hosts)}"]));
            var result = await ProgramRunner.RunAsync(
                inside with { Environment = new Dictionary<string, string?>(network.Environment) { [HostsVariable] = network.Root } }, TimeSpan.FromMinutes(8), TimeProvider.System, Token);

            Assert.True(result.ExitCode == 0, result.Output + result.Error);
            Assert.Contains("Total: 1, Errors: 0, Failed: 0, Skipped: 0", result.Output, StringComparison.Ordinal);
        }
        finally
        {
            await network.RemoveAsync(CancellationToken.None);
        }
    }

    [Fact(Explicit = true)]
    public async Task On_the_network_of_the_hosts()
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable(HostsVariable) is { Length: > 0 }, "it is the other test that runs this one, where the hosts are");
        var options = new HostedClusterOptions { Settings = new Dictionary<string, string> { ["leader.ttl"] = "3s", ["etcd.timeout"] = "1s" } };
        var network = HostNetwork.Open(Environment.GetEnvironmentVariable(HostsVariable)!, TimeProvider.System);
        await using var cluster = new HostCluster(network, EtcdLayout.Shared, options);
        await cluster.StartAsync(Token);
        var old = await WaitUntilSoundAsync(cluster);

        // The worst case: etcd elects a leader of its own then, and starts every lease anew.
        await EtcdLeader.MoveToAsync(cluster.EtcdHosts, cluster.Host(old), Token);
        await using var meter = await WriteGapMeter.StartAsync(new WriteGapOptions { Uri = cluster.ClientUri, Writers = 8 }, Token);
        var (postmaster, clock) = (cluster.Postmaster(old), Stopwatch.StartNew());
        await cluster.Host(old).UnplugAsync();
        var next = old;
        await Poll.UntilAsync("another node is the primary", async () => (next = await PrimaryAsync(cluster) ?? old) != old);

        Assert.True(clock.Elapsed < Lease + Moment, $"{next} took over after {clock.Elapsed}");
        Assert.True(clock.Elapsed > Lease / 2, $"{next} took over after {clock.Elapsed}, when {old} may still have led");
        Assert.False(postmaster.IsRunning, $"{old} was still running when {next} led");

        await cluster.UndoAsync();
        await cluster.Host(old).PlugAsync();
        Assert.Equal(next, await WaitUntilSoundAsync(cluster));
        var gap = await meter.StopAsync(CancellationToken.None);
        Assert.Equal((0L, 0L), (gap.LostCommits, gap.DoubledCommits));
    }

    /// <summary>Until one node is the primary and the others stream from it on its timeline; its name.</summary>
    private static async Task<string> WaitUntilSoundAsync(HostCluster cluster)
    {
        var (primary, seen) = ("", "");
        try
        {
            await Poll.UntilAsync(
                "the cluster is sound",
                async () =>
                {
                    try
                    {
                        var nodes = await cluster.Client.GetNodesAsync(Token);
                        seen = string.Join("; ", nodes.Select(n => $"{n.Name} {n.Role} {n.State} {n.Evidence}"));
                        primary = nodes.SingleOrDefault(n => n is { Role: NodeRole.Primary, State: NodeState.Running })?.Name ?? "";
                        return nodes.Count(n => n is { Role: NodeRole.Standby, State: NodeState.Running } && n.Upstream == primary) == nodes.Count - 1
                            && nodes.Select(n => n.Timeline).Distinct().Count() == 1
                            && await PrimaryAsync(cluster) == primary;
                    }
                    catch (PgClusterException e)
                    {
                        seen = e.Message;
                        return false;
                    }
                },
                TimeSpan.FromSeconds(150));
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message} Last seen: {seen}", e);
        }

        return primary;
    }

    private static async Task<string?> PrimaryAsync(HostCluster cluster)
    {
        try
        {
            return (await cluster.Client.GetClusterAsync(Token)).Primary;
        }
        catch (PgClusterException)
        {
            // etcd elects a leader of its own meanwhile.
            return null;
        }
    }
}
