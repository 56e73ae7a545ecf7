namespace PgCluster.Engine.Pacemaker;

/// <summary>A node of Pacemaker's.</summary>
public sealed record CibNode
{
    /// <summary>Its id, which corosync knows it by too.</summary>
    public required string Id { get; init; }

    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>Whether it is a member now and its controller answers.</summary>
    public required bool IsOnline { get; init; }

    /// <summary>Whether it was told to run nothing.</summary>
    public required bool InStandby { get; init; }

    /// <summary>Its attributes that outlive it: what they say of the server may be about a node that is gone.</summary>
    public required IReadOnlyDictionary<string, string> Attributes { get; init; }

    /// <summary>Its attributes of this life: they are gone when it is.</summary>
    public required IReadOnlyDictionary<string, string> Transient { get; init; }
}
