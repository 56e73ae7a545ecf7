using PgCluster.Engine.Configuration;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Membership;

/// <summary>What a change of the nodes is planned from.</summary>
/// <param name="File">The caller's configuration file.</param>
/// <param name="Members">What stands in the store.</param>
/// <param name="View">The cluster as its nodes are now.</param>
/// <param name="Initialized">True when the cluster is under management.</param>
public sealed record MembershipFacts(ClusterConfig File, Members Members, ClusterView View, bool Initialized)
{
    /// <summary>The configuration in effect.</summary>
    public ClusterConfig Config { get; } = MemberOverlay.Apply(File, Members);

    /// <summary>The configuration with one member as it is going to be.</summary>
    public ClusterConfig With(string name, MemberRecord record) => MemberOverlay.Apply(File, new Members(
        new Dictionary<string, MemberRecord>(Members.Records, StringComparer.Ordinal) { [name] = record }, Members.Revision));
}
