using PgCluster.Engine.Configuration;

namespace PgCluster.Engine.Pacemaker;

/// <summary>
/// Who is what in a cluster that Pacemaker holds together. Pure. A role is believed only of a node that is online, in a partition with quorum, and by the status that the agent gives it while it runs:
/// <c>data-status</c> outlives a node, so that a dead primary still says LATEST, and the next one says it before it accepts a write.
/// </summary>
/// <param name="Resource">The PostgreSQL this is about.</param>
/// <param name="Servers">Its servers, in the order of the nodes.</param>
public sealed record PacemakerRoles(PgsqlResource Resource, IReadOnlyList<PacemakerServer> Servers)
{
    /// <summary>The node that accepts writes; null between a demotion and the next promotion.</summary>
    public PacemakerServer? Primary => Servers.SingleOrDefault(s => s.Role == NodeRole.Primary);

    /// <summary>The standby that commits wait for and Pacemaker may promote; the first by name where there are several, null when there is none.</summary>
    public PacemakerServer? Synchronous => Servers.Where(s => s.SyncState == SyncState.Sync).OrderBy(s => s.Node.Name, StringComparer.Ordinal).FirstOrDefault();

    /// <summary>Reads the roles.</summary>
    /// <param name="cib">What Pacemaker says.</param>
    /// <param name="options">The primitive, and how its servers are told apart; null for the defaults.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.NoQuorum"/>; <see cref="Reason.InvalidConfiguration"/> when it is not known which resource is meant, or it cannot be promoted;
    /// <see cref="Reason.SplitBrain"/> when two nodes say that they are the primary.</exception>
    public static PacemakerRoles Of(Cib cib, PacemakerConfig? options = null)
    {
        ArgumentNullException.ThrowIfNull(cib);
        if (!cib.HasQuorum)
        {
            throw new PgClusterException(Reason.NoQuorum, "Pacemaker reports no quorum on this side: what it says of roles is not to be believed");
        }

        options ??= new PacemakerConfig();
        var found = Find(cib, options);
        var roles = new PacemakerRoles(found, [.. Selected(cib, options, cib.Nodes.Select(n => PacemakerServer.Of(n, found)))]);
        var primaries = roles.Servers.Where(s => s.Role == NodeRole.Primary).Select(s => s.Node.Name).ToArray();
        return primaries.Length <= 1
            ? roles
            : throw new PgClusterException(Reason.SplitBrain, $"{string.Join(" and ", primaries)} are both primaries of {found.Name}, as Pacemaker has it");
    }

    /// <summary>A selector of the operator's own says who is the primary and who synchronous, of the nodes that are online: what it selects may outlive a node.</summary>
    private static IEnumerable<PacemakerServer> Selected(Cib cib, PacemakerConfig options, IEnumerable<PacemakerServer> servers)
    {
        if (options.PrimaryXpath.Length > 0)
        {
            var primaries = cib.Select(options.PrimaryXpath);
            servers = servers.Select(s => primaries.Contains(s.Node.Name) && s.Node.IsOnline ? s with { Role = NodeRole.Primary, State = NodeState.Running, SyncState = SyncState.None }
                : s.Role == NodeRole.Primary ? s with { Role = NodeRole.Unknown, State = NodeState.Unknown } : s);
        }

        if (options.SynchronousXpath.Length > 0)
        {
            var synchronous = cib.Select(options.SynchronousXpath);
            servers = servers.Select(s => synchronous.Contains(s.Node.Name) && s.Node.IsOnline ? s with { Role = NodeRole.Standby, State = NodeState.Running, SyncState = SyncState.Sync }
                : s.SyncState == SyncState.Sync ? s with { SyncState = SyncState.Potential } : s);
        }

        return servers;
    }

    /// <summary>The resource that is meant, with quorum or without.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidConfiguration"/>: it is not known which is meant, or it cannot be promoted.</exception>
    internal static PgsqlResource Find(Cib cib, PacemakerConfig options)
    {
        var resource = options.Resource.Length > 0 ? options.Resource : null;
        var found = cib.Servers.Where(s => resource is null || s.Name == resource || s.Group == resource).ToArray();
        var there = cib.Servers.Count == 0 ? "none" : string.Join(", ", cib.Servers.Select(s => s.Name));
        return found switch
        {
            [{ Group: not null } one] => one,
            [var one] => throw new PgClusterException(Reason.InvalidConfiguration, $"{one.Name} of Pacemaker cannot be promoted: put it into a clone with promotable=true"),
            [] => throw new PgClusterException(Reason.InvalidConfiguration, $"Pacemaker runs no resource {resource ?? "of ocf:heartbeat:pgsql"}; of that agent there is {there}"),
            _ => throw new PgClusterException(Reason.InvalidConfiguration, $"Pacemaker runs more than one PostgreSQL: name one of {there}"),
        };
    }
}
