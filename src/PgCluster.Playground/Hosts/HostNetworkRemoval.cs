using System.Globalization;
using PgCluster.Adapters.Process;

namespace PgCluster.Playground.Hosts;

/// <summary>
/// Takes a set of hosts away. Ends the processes that were written down, by id and moment of start, whatever runs in their namespaces of process
/// ids, and what bears the set's mark; interfaces, bridge and disks go with the last of them.
/// </summary>
internal static class HostNetworkRemoval
{
    /// <summary>Variable that marks the processes of a set with its id.</summary>
    internal const string Marker = "PLAYGROUND_HOSTS_ID";

    private static readonly TimeSpan KillGrace = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan DeleteBudget = TimeSpan.FromSeconds(60);

    internal static async Task RunAsync(string root, HostNetworkState state, TimeProvider time, CancellationToken cancellationToken)
    {
        if (state.IsOfThisBoot)
        {
            await EndAsync(state, time, cancellationToken).ConfigureAwait(false);
        }

        await ProgramRunner.RunCheckedAsync(
            new ProgramCommand("rm", ["-rf", "--one-file-system", root]) { WorkingDirectory = "/" },
            Reason.PlaygroundFailed, DeleteBudget, time, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Takes away every set below a directory whose maker is gone without having done so. Returns their names.</summary>
    internal static async Task<IReadOnlyList<string>> RunAbandonedAsync(string baseDirectory, TimeProvider time, CancellationToken cancellationToken)
    {
        var gone = new List<string>();
        foreach (var root in Directory.Exists(baseDirectory) ? Directory.GetDirectories(baseDirectory) : [])
        {
            if (HostNetworkState.TryRead(root) is { } state && (!state.IsOfThisBoot || state.Owner is { Identity.IsRunning: false }))
            {
                await RunAsync(root, state, time, cancellationToken).ConfigureAwait(false);
                gone.Add(state.Name);
            }
        }

        return gone;
    }

    private static async Task EndAsync(HostNetworkState state, TimeProvider time, CancellationToken cancellationToken)
    {
        // The first process of a host takes every other one of its namespace along, frozen ones too.
        foreach (var init in state.Inits)
        {
            init.Identity.Signal(UnixSignal.Kill);
        }

        if (state is { IsConnected: true, Hub.Identity: { IsRunning: true } hub })
        {
            // The kernel takes the cable away with the dead namespace, but only when it has time for it; the next set is to have it at once.
            await ProgramRunner.RunAsync(
                HostNetwork.At(hub, new ProgramCommand("ip", ["link", "delete", HostNetwork.MachinePort])), KillGrace, time, cancellationToken).ConfigureAwait(false);
        }

        state.Hub?.Identity.Signal(UnixSignal.Kill);
        var began = time.GetTimestamp();
        while (Left(state) is { Count: > 0 } left)
        {
            if (time.GetElapsedTime(began) > KillGrace)
            {
                throw new PgClusterException(
                    Reason.PlaygroundFailed,
                    $"Of the hosts {state.Name}, these processes still run after SIGKILL: {string.Join(", ", left.Select(p => p.Pid.ToString(CultureInfo.InvariantCulture)))}.")
                {
                    Target = state.Name,
                };
            }

            foreach (var process in left)
            {
                process.Signal(UnixSignal.Kill);
            }

            await Task.Delay(TimeSpan.FromMilliseconds(5), time, cancellationToken).ConfigureAwait(false);
        }
    }

    private static List<ProcessIdentity> Left(HostNetworkState state) =>
    [
        .. state.Inits.Append(state.Hub).OfType<HostNetworkState.HostProcess>().Select(process => process.Identity).Where(process => process.IsRunning),
        .. ProcessStat.AllPids().Where(pid => pid != Environment.ProcessId && ProcessStat.HasEnvironment(pid, Marker, state.Id))
            .Select(ProcessIdentity.Find).OfType<ProcessIdentity>(),
    ];
}
