namespace PgCluster.Engine.Pacemaker;

/// <summary>What an agent sees of Pacemaker at one moment; part of its report.</summary>
public sealed record PacemakerReport
{
    /// <summary>Why Pacemaker could not be asked, or is not to be believed; null when neither.</summary>
    public string? Error { get; init; }

    /// <summary>Whether the partition of this node may decide anything.</summary>
    public bool HasQuorum { get; init; }

    /// <summary>Whether Pacemaker leaves all resources alone.</summary>
    public bool InMaintenance { get; init; }

    /// <summary>Whether a node that is lost is fenced before its resources start elsewhere.</summary>
    public bool Fences { get; init; }

    /// <summary>The primitive that is PostgreSQL; empty when that is not known.</summary>
    public string Resource { get; init; } = "";

    /// <summary>The clone around it: what is moved; empty when that is not known.</summary>
    public string Group { get; init; } = "";

    /// <summary>The node that Pacemaker has as the primary; null when none.</summary>
    public string? Primary { get; init; }

    /// <summary>The node that Pacemaker may promote; null when none.</summary>
    public string? Synchronous { get; init; }

    /// <summary>The nodes in Pacemaker's order; none when the roles are not known.</summary>
    public IReadOnlyList<PacemakerMember> Members { get; init; } = [];

    /// <summary>Ids of the constraints that moving by hand has left.</summary>
    public IReadOnlyList<string> Moves { get; init; } = [];

    /// <summary>Whether the lock file of an old primary keeps the server of the agent's node from being started.</summary>
    public bool LockFile { get; init; }

    /// <summary>A node by its name; null when Pacemaker does not have it.</summary>
    public PacemakerMember? Of(string node) => Members.FirstOrDefault(m => m.Name == node);
}
