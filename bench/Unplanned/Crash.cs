using PgCluster.Adapters.Process;
using PgCluster.Bench.Hosts;

namespace PgCluster.Bench.Unplanned;

/// <summary>How a primary is lost.</summary>
/// <param name="Name">Its name on the command line.</param>
/// <param name="What">What happens, for the table of results.</param>
/// <param name="HarmAsync">Does it to the host with this name.</param>
/// <param name="TargetSeconds">The longest median of the write gap that is good enough, of a lease that lasts so many seconds.</param>
internal sealed record Crash(string Name, string What, Func<HostedCluster, string, CancellationToken, Task> HarmAsync, Func<double, double> TargetSeconds)
{
    public static IReadOnlyList<Crash> All { get; } =
    [
        new(
            "postmaster-kill", "kill -9 of the primary's postmaster",
            (cluster, node, _) =>
            {
                cluster.Postmaster(node).Signal(UnixSignal.Kill);
                return Task.CompletedTask;
            },
            _ => 0.5),
        new("power-cut", "power cut of the primary's host", (cluster, node, token) => cluster.Host(node).PowerOffAsync(token), lease => lease + 0.5),
    ];
}
