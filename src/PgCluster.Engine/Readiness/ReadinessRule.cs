using System.Globalization;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Readiness;

/// <summary>
/// What a node lacks until it is ready: its agent answers, its PostgreSQL runs in the role that the cluster gives it, a standby streams from the primary on its timeline, it is in service,
/// and the observers agree that it is well. Pure: everything it knows is in the look.
/// </summary>
public static class ReadinessRule
{
    /// <summary>What it lacks, each in words; none when it is what is asked for. What follows from something else that is missing is not said.</summary>
    /// <param name="look">What was found.</param>
    /// <param name="name">The node.</param>
    /// <param name="condition">What it is to be.</param>
    public static NodeReadiness Judge(ReadinessLook look, string name, NodeCondition condition)
    {
        ArgumentNullException.ThrowIfNull(look);
        if (look.View.Nodes.FirstOrDefault(n => n.Name == name) is not { } node)
        {
            return new NodeReadiness(name, ["is no node of the cluster"]);
        }

        string?[] missing = condition == NodeCondition.Ready ? [Role(look, node), Service(node), Health(look, node)] : [Role(look, node)];
        return new NodeReadiness(name, [.. missing.OfType<string>()]);
    }

    private static string? Role(ReadinessLook look, NodeObservation node)
    {
        var view = look.View;
        var leads = look.Manager == ClusterManager.Native ? view.Leader?.Node : view.Primary?.Name;
        return node switch
        {
            { Postgres: null } => $"its agent does not answer ({node.Node.Evidence})",
            _ when !view.Store.HasQuorum => "etcd does not answer, so that its role is not known",
            { Node.State: not NodeState.Running } => $"its PostgreSQL is {node.Node.State}{Evidence(node)}",
            _ when leads is null => "no node leads, so that its role is not known",
            { Node.Role: not NodeRole.Primary } when leads == node.Name => "it leads, and its PostgreSQL does not run as the primary yet",
            _ when leads == node.Name => null,
            { Node.Role: NodeRole.Primary } => $"its PostgreSQL runs as a primary, and {leads} leads",
            _ => Streaming(view, leads, node),
        };
    }

    private static string? Streaming(ClusterView view, string leads, NodeObservation node)
    {
        if (view.Nodes.FirstOrDefault(n => n.Name == leads) is not { IsRunningPrimary: true, Postgres: { } primary } leader)
        {
            return $"{leads} leads, and does not run as the primary yet";
        }

        return primary.Standbys.FirstOrDefault(s => s.Name == node.Name) switch
        {
            null => $"it does not stream from {leads}{Evidence(node)}",
            { State: not "streaming" } peer => $"it does not stream from {leads} yet: {peer.State}",
            _ when node.Node.Timeline != leader.Node.Timeline => string.Create(
                CultureInfo.InvariantCulture, $"it is on timeline {node.Node.Timeline}, and {leads} on {leader.Node.Timeline}"),
            _ => null,
        };
    }

    private static string? Service(NodeObservation node) => node.Node.Suspended is { } suspended ? $"it is {suspended}" : null;

    /// <summary>A node whose agent does not answer is seen so by the observers too: said once.</summary>
    private static string? Health(ReadinessLook look, NodeObservation node) => (node.Postgres, look.Consensus) switch
    {
        (null, _) => null,
        (_, null) => look.View.Store.HasQuorum ? "what the observers see is not known" : null,
        (_, { } consensus) => consensus.Of(node.Name) is { IsHealthy: false } verdict
            ? string.Create(
                CultureInfo.InvariantCulture, $"{verdict.HealthyVotes} of {consensus.Voters.Count} observers see it well, and {verdict.Needed} are needed")
            : null,
    };

    private static string Evidence(NodeObservation node) => node.Node.Evidence.Length > 0 ? $" ({node.Node.Evidence})" : "";
}
