using PgCluster.Adapters.Process;
using PgCluster.Bench.Hosts;
using PgCluster.Playground.Hosts;

namespace PgCluster.Bench.Faults;

/// <summary>Every fault there is.</summary>
internal static class FaultCatalogue
{
    public static IReadOnlyList<Fault> All { get; } =
    [
        new("planned", "planned failover", PlannedAsync),
        new("postmaster-kill", "kill -9 of the primary's postmaster", scene =>
        {
            KillPostmaster(scene);
            return Task.CompletedTask;
        }),
        new("agent-kill", "kill -9 of the primary's agent", scene =>
        {
            KillAgent(scene, scene.Primary);
            return Task.CompletedTask;
        }),
        new("both-kill", "kill -9 of the primary's postmaster and agent", scene =>
        {
            KillAgent(scene, scene.Primary);
            KillPostmaster(scene);
            return Task.CompletedTask;
        }),
        new("agent-stop", "SIGSTOP of the primary's agent, then CONT", scene =>
            StopAsync(scene, "agent of " + scene.Primary, scene.Cluster.Agent(scene.Primary).Process ?? throw new InvalidOperationException("no agent runs"))) { Freezes = true },
        new("postmaster-stop", "SIGSTOP of the primary's postmaster, then CONT", scene =>
            StopAsync(scene, "postmaster of " + scene.Primary, scene.Cluster.Postmaster(scene.Primary))) { Freezes = true },
        new("node-freeze", "SIGSTOP of everything on the primary's host, then CONT", FreezeAsync) { Freezes = true },
        new("node-cut", "the primary's host cut off from all", CutOffAsync),
        new("standbys-cut", "the primary cut off from the standbys, not from etcd", scene => CutAsync(scene, scene.StandbyHosts, (network, primary, peer) => network.CutAsync(primary, peer))) { NeedsOwnEtcd = true },
        new("etcd-cut", "the primary cut off from etcd, not from the standbys", scene => CutAsync(scene, scene.Cluster.EtcdHosts, (network, primary, peer) => network.CutAsync(primary, peer))) { NeedsOwnEtcd = true },
        new("node-deaf", "all that is sent to the primary's host lost, what it sends arrives", scene =>
            CutAsync(scene, scene.OtherHosts, (network, primary, peer) => network.CutOneWayAsync(peer, primary))),
        new("node-mute", "all that the primary's host sends lost, what is sent to it arrives", scene =>
            CutAsync(scene, scene.OtherHosts, (network, primary, peer) => network.CutOneWayAsync(primary, peer))),
        new("etcd-one", "one member of etcd lost", scene => EtcdAsync(scene, [scene.Random.Next(3)])),
        new("etcd-all", "all members of etcd lost, and back", scene => EtcdAsync(scene, [0, 1, 2])) { StopsWrites = true },
        new("standby-lost", "power cut of the synchronous standby", scene => PowerCutAsync(scene, scene.Synchronous)),
        new("both-lost", "power cut of the primary and the synchronous standby at once", scene => PowerCutAsync(scene, scene.Primary, scene.Synchronous)) { StopsWrites = true },
        new("power-cut", "power cut of the primary, and of the leader of etcd with it", async scene =>
        {
            if (scene.Cluster.Layout == EtcdLayout.Shared)
            {
                await EtcdLeader.MoveToAsync(scene.Cluster.EtcdHosts, scene.PrimaryHost, scene.Token);
            }

            await PowerCutAsync(scene, scene.Primary);
        }),

        // While there is WAL to write to, the server goes on and only refuses what needs more room: nobody takes over from it.
        new("disk-full", "disk of the primary full", FillAsync) { StopsWrites = true },
        new("election-agent", "postmaster and agent of the primary killed, and the next one's agent during the election", ElectionAsync),
        new("pooler-kill", "kill -9 of the application's pooler", scene =>
        {
            Kill(scene, scene.Cluster.Unit("pgbouncer-app"));
            return Task.CompletedTask;
        }),
        new("client-kill", "kill -9 of the client in the middle of a planned failover", ClientKillAsync) { LongestGap = TimeSpan.FromSeconds(30) },
    ];

    /// <summary>No fault of a cluster but a proof that this suite would see a second writer: a round of it has to break.</summary>
    public static Fault Proof { get; } = new("second-writer", "a standby promoted behind everybody's back", async scene =>
    {
        await using var source = DirectSource.Open(scene.Cluster.Host(scene.Synchronous).Address, "postgres", TimeSpan.FromSeconds(5));
        foreach (var sql in new[] { "alter system set synchronous_standby_names = ''", "select pg_reload_conf()", "select pg_promote()" })
        {
            await using var command = source.CreateCommand(sql);
            await command.ExecuteNonQueryAsync(scene.Token);
        }

        scene.Done($"promoted {scene.Synchronous}");
        await scene.HoldAsync();
    });

    private static void KillPostmaster(FaultScene scene)
    {
        scene.Cluster.Postmaster(scene.Primary).Signal(UnixSignal.Kill);
        scene.Done($"killed the postmaster of {scene.Primary}");
    }

    private static void KillAgent(FaultScene scene, string node) => Kill(scene, scene.Cluster.Agent(node));

    private static void Kill(FaultScene scene, HostUnit unit)
    {
        unit.Signal(UnixSignal.Kill);
        scene.Done($"killed {unit.Name}");
    }

    private static async Task PlannedAsync(FaultScene scene)
    {
        var request = new FailoverRequest { Why = "fault suite", Actor = "fault suite" };
        scene.Done("planned failover");
        var report = await scene.Cluster.Client.RunFailoverAsync(
            await scene.Cluster.Client.PlanFailoverAsync(request, scene.Token), request, null, scene.Token);
        if (report.Outcome != OperationOutcome.Succeeded)
        {
            throw new InvalidOperationException($"the failover {report.Outcome}: {report.Error}");
        }
    }

    private static async Task StopAsync(FaultScene scene, string what, ProcessIdentity process)
    {
        process.Signal(UnixSignal.Stop);
        scene.Done($"stopped the {what}");
        await scene.HoldAsync();
        scene.Done(process.Signal(UnixSignal.Continue) ? $"the {what} goes on" : $"the {what} was ended meanwhile");
    }

    private static async Task FreezeAsync(FaultScene scene)
    {
        var host = scene.PrimaryHost;
        await host.FreezeAsync(scene.Token);
        scene.Done($"froze {host.Name}");
        await scene.HoldAsync();
        host.Thaw();
        scene.Done($"thawed {host.Name}");
    }

    private static async Task CutOffAsync(FaultScene scene)
    {
        var host = scene.PrimaryHost;
        await host.UnplugAsync();
        scene.Done($"unplugged {host.Name}");
        await scene.HoldAsync();
        await host.PlugAsync();
        scene.Done($"plugged {host.Name} in");
    }

    private static async Task CutAsync(
        FaultScene scene, IEnumerable<NamespaceHost> peers, Func<HostNetwork, NamespaceHost, NamespaceHost, Task> cutAsync)
    {
        var all = peers.ToList();
        await Task.WhenAll(all.Select(peer => cutAsync(scene.Cluster.Network, scene.PrimaryHost, peer)));
        scene.Done($"cut between {scene.Primary} and {string.Join(", ", all.Select(peer => peer.Name))}");

        await scene.HoldAsync();
        await scene.Cluster.Network.HealAsync();
        scene.Done("healed the network");
    }

    private static async Task EtcdAsync(FaultScene scene, int[] members)
    {
        var units = members.Select(member => scene.Cluster.Unit($"etcd{member + 1}")).ToList();
        foreach (var unit in units)
        {
            await unit.StopAsync(scene.Token);
            scene.Done($"killed {unit.Name} for good");
        }

        await scene.HoldAsync();
        foreach (var unit in units)
        {
            await unit.StartAsync(scene.Token);
            scene.Done($"started {unit.Name}");
        }
    }

    private static async Task PowerCutAsync(FaultScene scene, params string[] nodes)
    {
        await Task.WhenAll(nodes.Select(node => scene.Cluster.Host(node).PowerOffAsync(scene.Token)));
        scene.Done($"switched {string.Join(" and ", nodes)} off");
        await scene.HoldAsync();
        foreach (var node in nodes)
        {
            await scene.Cluster.BootAsync(scene.Cluster.Host(node), scene.Token);
            scene.Done($"switched {node} on");
        }
    }

    private static async Task FillAsync(FaultScene scene)
    {
        var filler = Path.Combine(scene.PrimaryHost.Disk, "filler");
        try
        {
            await using (var file = new FileStream(filler, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0))
            {
                var block = new byte[1 << 20];
                var ends = scene.Hold;
                var began = TimeProvider.System.GetTimestamp();
                var isFirst = true;
                while (isFirst || TimeProvider.System.GetElapsedTime(began) < ends)
                {
                    // What PostgreSQL gives up meanwhile is taken, too.
                    var size = block.Length;
                    while (size > 0)
                    {
                        try
                        {
                            file.Write(block, 0, size);
                        }
                        catch (IOException)
                        {
                            size /= 2;
                        }
                    }

                    if (isFirst)
                    {
                        scene.Done($"filled the disk of {scene.Primary}");
                        isFirst = false;
                    }

                    await Task.Delay(100, scene.Token);
                }
            }
        }
        finally
        {
            File.Delete(filler);
        }

        scene.Done($"freed the disk of {scene.Primary}");
    }

    private static async Task ElectionAsync(FaultScene scene)
    {
        KillAgent(scene, scene.Primary);
        KillPostmaster(scene);
        await scene.AnyMomentAsync(2);
        KillAgent(scene, scene.Synchronous);
    }

    private static async Task ClientKillAsync(FaultScene scene)
    {
        var log = Path.Combine(scene.Cluster.LogDirectory, "client.log");
        var offset = LogTail.Length(log);
        using var client = await DetachedProcess.StartAsync(scene.Cluster.CommandLine("failover", "--yes", "--reason", "to be killed"), log, scene.Token);
        var process = ProcessIdentity.Find(client.Id) ?? throw new InvalidOperationException("the client ended at once");
        while ((await scene.Cluster.Client.GetClusterAsync(scene.Token)).LockHolder is null)
        {
            if (!process.IsRunning)
            {
                throw new InvalidOperationException($"the client ended before it began: {LogTail.Read(log, offset)}");
            }

            await Task.Delay(10, scene.Token);
        }

        // From the lock to the last standby it takes between one second and a few.
        await scene.AnyMomentAsync(3);
        scene.Done(process.Signal(UnixSignal.Kill) ? "killed the client" : "the client had ended");
        await process.WaitForExitAsync(TimeProvider.System, scene.Token);
    }
}
