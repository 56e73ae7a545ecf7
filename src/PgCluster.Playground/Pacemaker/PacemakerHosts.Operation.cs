using System.Globalization;
using PgCluster.Adapters.Process;
using PgCluster.Engine.Pacemaker;
using PgCluster.Playground.Hosts;

namespace PgCluster.Playground.Pacemaker;

// What a person would do with it by hand: look, ask, stop and start.
internal sealed partial class PacemakerHosts
{
    private static readonly TimeSpan ToSettle = TimeSpan.FromMinutes(2);

    /// <summary>Waits until Pacemaker has one primary, a standby that commits wait for and no server that does not stream; returns who is what.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.StepTimeout"/> with what is amiss.</exception>
    internal async Task<PacemakerRoles> WaitUntilSoundAsync(TimeSpan budget, CancellationToken cancellationToken)
    {
        var began = Network.Time.GetTimestamp();
        while (true)
        {
            var (roles, amiss) = await LookAsync(cancellationToken).ConfigureAwait(false);
            if (roles is not null)
            {
                return roles;
            }

            if (Network.Time.GetElapsedTime(began) > budget)
            {
                throw new PgClusterException(
                    Reason.StepTimeout, string.Create(CultureInfo.InvariantCulture, $"Pacemaker's cluster is not sound after {budget.TotalSeconds:0} s: {amiss}")) { Target = State.Name };
            }

            await Task.Delay(Look, Network.Time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Who is what when all is well; null and what is amiss otherwise.</summary>
    internal async Task<(PacemakerRoles? Roles, string Amiss)> LookAsync(CancellationToken cancellationToken)
    {
        var amiss = "no host is on";
        foreach (var host in DatabaseHosts.Where(host => host.IsOn))
        {
            try
            {
                var roles = PacemakerRoles.Of(await ReadAsync(host, cancellationToken).ConfigureAwait(false));
                amiss = string.Join("; ", roles.Servers.Select(server => $"{server.Node.Name}: {server.Evidence}"));
                return roles.Servers.Count == DatabaseHosts.Count && roles.Primary is not null && roles.Synchronous is not null
                    && roles.Servers.All(server => server.Role == NodeRole.Primary || server.SyncState is SyncState.Sync or SyncState.Potential or SyncState.Async)
                    ? (roles, "")
                    : (null, amiss);
            }
            catch (PgClusterException e)
            {
                // Not up yet, or on the side without quorum: another host may know more.
                amiss = e.Message;
            }
        }

        return (null, amiss);
    }

    /// <summary>What a host's Pacemaker says now.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.PlaygroundFailed"/>: it does not answer.</exception>
    internal static async Task<Cib> ReadAsync(NamespaceHost host, CancellationToken cancellationToken) =>
        Cib.Parse(await RunAsync(host, PacemakerPrograms.CibAdmin, ["--query", "--local"], cancellationToken).ConfigureAwait(false));

    /// <summary>Who is what, as a node's Pacemaker says; null while it does not answer or has no quorum.</summary>
    internal async Task<PacemakerRoles?> ReadRolesAsync(string node, CancellationToken cancellationToken)
    {
        try
        {
            return PacemakerRoles.Of(await ReadAsync(Host(node), cancellationToken).ConfigureAwait(false));
        }
        catch (PgClusterException)
        {
            return null;
        }
    }

    /// <summary>Runs a program on a host as root and returns its output.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.PlaygroundFailed"/>: its exit code is not 0.</exception>
    internal static Task<string> RunAsync(NamespaceHost host, string program, IReadOnlyList<string> arguments, CancellationToken cancellationToken) =>
        host.RunAsync(new ProgramCommand(program, arguments) { WorkingDirectory = "/" }, cancellationToken);

    /// <summary>What crm_mon shows a person.</summary>
    internal static Task<string> ShowAsync(NamespaceHost host, CancellationToken cancellationToken) =>
        RunAsync(host, PacemakerPrograms.CrmMon, ["--one-shot", "--show-node-attributes", "--failcounts"], cancellationToken);

    /// <summary>Asks Pacemaker to make a node the primary; the constraint that does it stays.</summary>
    internal Task MoveAsync(string node, CancellationToken cancellationToken) =>
        RunAsync(Host(node), PacemakerPrograms.CrmResource, ["--move", "--resource", PacemakerFiles.Clone, "--promoted", "--node", node], cancellationToken);

    /// <summary>Takes the constraints of moves away.</summary>
    internal static Task ClearMovesAsync(NamespaceHost host, CancellationToken cancellationToken) =>
        RunAsync(host, PacemakerPrograms.CrmResource, ["--clear", "--resource", PacemakerFiles.Clone], cancellationToken);

    /// <summary>
    /// Has Pacemaker forget failures and look again, when it has settled: a cleanup ends what is being done there, a monitor too, and that would count as the next failure.
    /// </summary>
    /// <param name="host">Where it is asked.</param>
    /// <param name="node">The node whose failures are forgotten; null for all.</param>
    /// <param name="cancellationToken">Ends it.</param>
    internal static async Task CleanUpAsync(NamespaceHost host, string? node, CancellationToken cancellationToken)
    {
        await host.RunAsync(new ProgramCommand(PacemakerPrograms.CrmResource, ["--wait"]) { WorkingDirectory = "/" }, ToSettle, cancellationToken).ConfigureAwait(false);
        await RunAsync(host, PacemakerPrograms.CrmResource, ["--cleanup", "--resource", PacemakerFiles.Resource, .. node is null ? (string[])[] : ["--node", node]], cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Lets a server that was the primary start again, by hand: its lock file goes, and Pacemaker forgets its failures. Its node has to be a member.</summary>
    internal async Task LetBackAsync(string node, CancellationToken cancellationToken)
    {
        await RunAsync(Host(node), "rm", ["-f", Paths.LockFile], cancellationToken).ConfigureAwait(false);
        await CleanUpAsync(Host(node), node, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Asks a server, on its own host.</summary>
    internal async Task<string> QueryAsync(string node, string sql, CancellationToken cancellationToken) => (await Host(node).RunAsync(
        new ProgramCommand(Path.Combine(_programs.PostgresBin, "psql"), ["-XAtq", "-h", Paths.Cluster.Sockets, "-p", ServerPort.ToString(CultureInfo.InvariantCulture), "-U", "postgres", "-c", sql])
        {
            Account = _account,
            WorkingDirectory = "/",
        },
        cancellationToken).ConfigureAwait(false)).Trim();

    /// <summary>The postmaster of a node; null while there is none.</summary>
    internal ProcessIdentity? Postmaster(string node) => HostProcesses.PostmasterOf(Host(node).Processes);

    /// <summary>Stops Pacemaker on a node as its systemd unit does: what it runs is stopped first. Corosync goes on.</summary>
    internal async Task StopPacemakerAsync(string node, CancellationToken cancellationToken)
    {
        if (Unit(PacemakerUnit(node)).Process is not { } daemon)
        {
            return;
        }

        daemon.Signal(UnixSignal.Terminate);
        await daemon.WaitForExitAsync(Network.Time, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Starts Pacemaker on a node where it was stopped; it is no member again yet.</summary>
    internal Task StartPacemakerAsync(string node, CancellationToken cancellationToken) => Unit(PacemakerUnit(node)).StartAsync(cancellationToken);

    /// <summary>Takes a node out of the membership: Pacemaker is stopped on it, then Corosync. Its host stays up.</summary>
    internal async Task LeaveAsync(string node, CancellationToken cancellationToken)
    {
        await StopPacemakerAsync(node, cancellationToken).ConfigureAwait(false);
        if (Unit(CorosyncUnit(node)).Process is { } daemon)
        {
            daemon.Signal(UnixSignal.Terminate);
            await daemon.WaitForExitAsync(Network.Time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Brings a node that has left back; it is no member again yet.</summary>
    internal async Task JoinAsync(string node, CancellationToken cancellationToken)
    {
        var corosync = Unit(CorosyncUnit(node));
        await corosync.StartAsync(cancellationToken).ConfigureAwait(false);
        await WaitForCorosyncAsync(corosync, cancellationToken).ConfigureAwait(false);
        await StartPacemakerAsync(node, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Waits until a node's Pacemaker knows that it is a member, in a partition with quorum.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.StepTimeout"/> with what it said last.</exception>
    internal async Task WaitUntilOnlineAsync(string node, TimeSpan budget, CancellationToken cancellationToken)
    {
        var began = Network.Time.GetTimestamp();
        while (true)
        {
            string seen;
            try
            {
                var cib = await ReadAsync(Host(node), cancellationToken).ConfigureAwait(false);
                if (cib.HasQuorum && cib.Nodes.Any(member => member.Name == node && member.IsOnline))
                {
                    return;
                }

                seen = cib.HasQuorum ? "it is offline" : "it has no quorum";
            }
            catch (PgClusterException e) when (e.Reason == Reason.PlaygroundFailed)
            {
                seen = e.Message;
            }

            if (Network.Time.GetElapsedTime(began) > budget)
            {
                throw new PgClusterException(Reason.StepTimeout, string.Create(CultureInfo.InvariantCulture, $"{node} is not a member after {budget.TotalSeconds:0} s: {seen}")) { Target = node };
            }

            await Task.Delay(Look, Network.Time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Switches a host on, and starts everything that is to run on it; it is no member again yet.</summary>
    internal async Task BootAsync(string node, CancellationToken cancellationToken)
    {
        var host = Host(node);
        if (!host.IsOn)
        {
            await host.PowerOnAsync(cancellationToken).ConfigureAwait(false);
            await StartUnitsAsync(host, cancellationToken).ConfigureAwait(false);
        }
    }
}
