using PgCluster.Engine.Configuration;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Pacemaker;

/// <summary>What is asked of Pacemaker works from every node: the agent of one is asked, and the others' where that is not ours or does not answer.</summary>
internal static class PacemakerAgents
{
    /// <summary>Asks one agent after the other until one does it.</summary>
    /// <param name="peers">The way to them.</param>
    /// <param name="config">The cluster.</param>
    /// <param name="first">The node whose agent is asked first.</param>
    /// <param name="call">What is asked; asking twice has to be the same as asking once.</param>
    /// <exception cref="PgClusterException">What the first agent of ours said that has it refused; where none is ours or answers, why the first did not.</exception>
    public static async Task<T> AnyAsync<T>(this IClusterPeers peers, ClusterConfig config, string first, Func<IPacemakerAgent, Task<T>> call)
    {
        PgClusterException? failure = null;
        foreach (var name in config.Nodes.Select(n => n.Name).OrderByDescending(n => n == first))
        {
            try
            {
                return await call(peers.Pacemaker(name)).ConfigureAwait(false);
            }
            catch (PgClusterException e) when (e.Reason is Reason.ForeignAgent or Reason.AgentUnreachable)
            {
                failure ??= e;
            }
        }

        throw failure ?? new PgClusterException(Reason.NodeNotFound, $"cluster {config.Name} has no nodes");
    }

    /// <summary>As <see cref="AnyAsync{T}"/>, for what has no answer.</summary>
    public static Task AnyAsync(this IClusterPeers peers, ClusterConfig config, string first, Func<IPacemakerAgent, Task> call) => peers.AnyAsync(config, first, async agent =>
    {
        await call(agent).ConfigureAwait(false);
        return true;
    });
}
