namespace PgCluster.Engine.Switchover;

/// <summary>A table that holds rows: an ordinary one or a leaf of a partitioned one.</summary>
public sealed record SwitchoverTable
{
    /// <summary>Its name, the same on both sides.</summary>
    public required TableName Name { get; init; }

    /// <summary>Its oid on the side it was read from.</summary>
    public required uint Oid { get; init; }

    /// <summary>Its columns in order.</summary>
    public required IReadOnlyList<SwitchoverColumn> Columns { get; init; }

    /// <summary>Columns that identify a row: of the replica identity index when one was chosen, else of the primary key; empty when there is
    /// neither.</summary>
    public required IReadOnlyList<string> Key { get; init; }

    /// <summary>pg_class.relreplident: d, n, f or i.</summary>
    public required char ReplicaIdentity { get; init; }

    /// <summary>True for an unlogged table, which logical replication does not carry.</summary>
    public bool Unlogged { get; init; }

    /// <summary>True for a leaf of a partitioned table.</summary>
    public bool IsPartition { get; init; }

    /// <summary>The partitioned table it is a leaf of, and its bounds; empty when it is none.</summary>
    public string PartitionBound { get; init; } = "";

    /// <summary>Rows by the server's statistics; -1 when it has none.</summary>
    public long EstimatedRows { get; init; }

    /// <summary>Bytes of its main fork and TOAST.</summary>
    public long Bytes { get; init; }

    /// <summary>Pages of its main fork.</summary>
    public long Pages { get; init; }

    /// <summary>Columns that are carried: all but the generated ones.</summary>
    public IEnumerable<SwitchoverColumn> CopiedColumns => Columns.Where(c => !c.Generated);

    /// <summary>True when every carried column can travel in binary.</summary>
    public bool Binary => CopiedColumns.All(c => c.Binary);
}
