using PgCluster.Client;
using PgCluster.Playground.Hosts;

namespace PgCluster.Playground.Pacemaker;

/// <summary>A playground whose servers have hosts of their own, with Pacemaker on them.</summary>
internal static class PacemakerPlayground
{
    private const string HostsName = "hosts";

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(250);

    /// <summary>Directory of the hosts.</summary>
    internal static string HostsOf(PlaygroundPaths paths) => paths.Of(HostsName);

    /// <summary>Says no before anything is made.</summary>
    /// <param name="others">The playgrounds there are.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.NotSupportedHere"/>, <see cref="Reason.AccessDenied"/>, <see cref="Reason.MissingProgram"/>;
    /// <see cref="Reason.InvalidArgument"/> when there is one already, or the network of its hosts is taken.</exception>
    internal static async Task ValidateAsync(IEnumerable<PlaygroundState> others, TimeProvider time, CancellationToken cancellationToken)
    {
        PacemakerPrograms.Check();
        if (others.FirstOrDefault(other => other.Manager == ClusterManager.Pacemaker) is { } other)
        {
            throw new PgClusterException(
                Reason.InvalidArgument, $"Playground '{other.Name}' is one with Pacemaker already, and its hosts have the only network there is for them: remove it first.") { Target = other.Name };
        }

        await HostNetwork.ThrowIfTakenAsync(time, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Makes it; it serves when this returns.</summary>
    internal static async Task BringUpAsync(
        PlaygroundRun run, IPlaygroundLauncher launcher, PlaygroundOptions options, IProgress<string> progress, CancellationToken cancellationToken)
    {
        var network = await HostNetwork.CreateAsync(
            new HostNetworkOptions { BaseDirectory = run.Paths.Root, Name = HostsName, OutlivesMaker = true }, run.Time, cancellationToken).ConfigureAwait(false);
        await network.ConnectAsync(cancellationToken).ConfigureAwait(false);
        var hosts = new PacemakerHosts(
            network,
            new PacemakerHostsOptions
            {
                Name = run.State.Name,
                Root = run.Paths.Root,
                Nodes = options.Nodes,
                EtcdMembers = options.EtcdMemberCount,
                Agents = launcher.StartsAgents,
                AgentExecutable = options.AgentExecutable,
                Settings = options.Settings,
            },
            run.Home);
        await hosts.StartAsync(progress, cancellationToken).ConfigureAwait(false);
        await run.SaveAsync(
            state => state with { Servers = hosts.State.Servers, Etcd = hosts.State.Etcd, Poolers = hosts.State.Poolers, Processes = hosts.Processes() },
            CancellationToken.None).ConfigureAwait(false);

        progress.Report("Waiting until Pacemaker has promoted a server and the others stream");
        await run.WaitAsync(
            async token =>
            {
                // A look starts a program: not again at once.
                var (roles, amiss) = await hosts.LookAsync(token).ConfigureAwait(false);
                await Task.Delay(roles is null ? Look : TimeSpan.Zero, run.Time, token).ConfigureAwait(false);
                return roles is null ? $"Pacemaker ({amiss})" : null;
            },
            cancellationToken).ConfigureAwait(false);
        progress.Report("Waiting until everything answers");
        if (launcher.StartsAgents)
        {
            var client = ClusterConnection.Open(hosts.ConfigFile, new Dictionary<string, string>());
            await using (client.ConfigureAwait(false))
            {
                await run.WaitAsync(token => FindMissingAgentAsync(client, token), cancellationToken).ConfigureAwait(false);
            }
        }

        var poolers = new PoolerCheck(run);
        await run.WaitAsync(poolers.FindMissingAsync, cancellationToken).ConfigureAwait(false);
    }

    private static async Task<string?> FindMissingAgentAsync(ClusterConnection client, CancellationToken cancellationToken)
    {
        var nodes = await client.GetNodesAsync(cancellationToken).ConfigureAwait(false);
        if (nodes.FirstOrDefault(node => node.State != NodeState.Running) is { } silent)
        {
            return $"the agent of {silent.Name} to say that its server runs and streams ({silent.State} {silent.Evidence})";
        }

        if (nodes.FirstOrDefault(node => node.Role == NodeRole.Primary) is not { } primary)
        {
            return "an agent to say that its server is the primary";
        }

        var address = PlaygroundFiles.Address(primary.Host, primary.Port);
        return (await client.GetPoolersAsync(cancellationToken).ConfigureAwait(false)).FirstOrDefault(pooler => pooler.State != PoolerState.Active || pooler.PointsTo != address) is { } amiss
            ? $"pooler {amiss.Name} to lead to {address} ({amiss.State} {amiss.PointsTo} {amiss.Evidence})"
            : null;
    }

    /// <summary>Ends everything on the hosts and takes them away.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.PlaygroundFailed"/>.</exception>
    internal static async Task RemoveHostsAsync(PlaygroundPaths paths, TimeProvider time, CancellationToken cancellationToken)
    {
        var root = HostsOf(paths);
        if (HostNetworkState.TryRead(root) is { } state)
        {
            await HostNetworkRemoval.RunAsync(root, state, time, cancellationToken).ConfigureAwait(false);
        }
        else if (Directory.Exists(root))
        {
            // Its maker was killed before anything ran in it.
            Directory.Delete(root, recursive: true);
        }
    }

    /// <summary>Process id of a host's postmaster; 0 when there is none.</summary>
    internal static int PostmasterOf(PlaygroundPaths paths, string host) =>
        HostNetworkState.TryRead(HostsOf(paths)) is { IsOfThisBoot: true } state
            && state.Inits.FirstOrDefault(init => init.Name == host) is { Identity.IsRunning: true } first
            && HostProcesses.NamespaceOf(first.Pid) is { } space
            && HostProcesses.PostmasterOf(HostProcesses.In(space)) is { } postmaster
            ? postmaster.Pid
            : 0;
}
