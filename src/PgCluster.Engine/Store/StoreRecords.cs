namespace PgCluster.Engine.Store;

/// <summary>A key with its value and the revisions that order it.</summary>
/// <param name="Key">The key, relative to the namespace.</param>
/// <param name="Value">The value as UTF-8 text.</param>
/// <param name="CreateRevision">Revision of its creation.</param>
/// <param name="ModRevision">Revision of its last write.</param>
/// <param name="Version">Writes since its creation, from 1.</param>
public sealed record StoreEntry(string Key, string Value, long CreateRevision, long ModRevision, long Version);

/// <summary>Keys read at one revision.</summary>
/// <param name="Entries">Ordered by key.</param>
/// <param name="Revision">The store's revision at the reading: a watch from the next one misses nothing.</param>
public sealed record StoreRange(IReadOnlyList<StoreEntry> Entries, long Revision);

/// <summary>What a compare-and-update did.</summary>
/// <param name="Changed">False when the value was the same already.</param>
/// <param name="Entry">The record as it stands now.</param>
public sealed record StoreUpdate(bool Changed, StoreEntry Entry);

/// <summary>What a transaction did.</summary>
/// <param name="Succeeded">True when every condition held and the operations were done.</param>
/// <param name="Revision">The store's revision after it.</param>
public sealed record StoreCommit(bool Succeeded, long Revision);

/// <summary>A condition of a transaction.</summary>
public abstract record StoreCondition(string Key)
{
    /// <summary>The key is absent.</summary>
    public sealed record Absent(string Key) : StoreCondition(Key);

    /// <summary>The key has this mod-revision.</summary>
    public sealed record ModRevisionIs(string Key, long ModRevision) : StoreCondition(Key);

    /// <summary>The key has this create-revision: it is still the same incarnation.</summary>
    public sealed record CreateRevisionIs(string Key, long CreateRevision) : StoreCondition(Key);

    /// <summary>The key has this value.</summary>
    public sealed record ValueIs(string Key, string Value) : StoreCondition(Key);
}

/// <summary>A write of a transaction.</summary>
public abstract record StoreOperation(string Key)
{
    /// <summary>Writes the key.</summary>
    public sealed record Put(string Key, string Value, IStoreLease? Lease = null) : StoreOperation(Key);

    /// <summary>Deletes the key.</summary>
    public sealed record Delete(string Key) : StoreOperation(Key);
}

/// <summary>What a watch delivers.</summary>
public abstract record StoreEvent(long Revision)
{
    /// <summary>A key was written.</summary>
    public sealed record Put(StoreEntry Entry) : StoreEvent(Entry.ModRevision);

    /// <summary>A key was deleted, or its lease ended.</summary>
    public sealed record Delete(string Key, long Revision) : StoreEvent(Revision);

    /// <summary>
    /// Events up to <paramref name="Revision"/> are gone (compacted): read the keys again. Events after it follow.
    /// </summary>
    public sealed record Gap(long Revision) : StoreEvent(Revision);
}

/// <summary>Who takes a lock and why.</summary>
/// <param name="Name">user@host, or the node's name.</param>
/// <param name="Purpose">What for, for example failover to pg02.</param>
public sealed record LockHolder(string Name, string Purpose);

/// <summary>A held lock as others see it.</summary>
/// <param name="Key">The owner's key.</param>
/// <param name="CreateRevision">Create-revision of that key: what proves ownership.</param>
/// <param name="Holder">Who and why; the name is empty when another tool took it.</param>
public sealed record StoreLockState(string Key, long CreateRevision, LockHolder Holder);

/// <summary>The store's health as seen from here.</summary>
/// <param name="HasQuorum">True when a linearizable read is answered.</param>
/// <param name="Revision">The store's revision; 0 without a quorum.</param>
/// <param name="Endpoints">Each endpoint.</param>
public sealed record StoreHealth(bool HasQuorum, long Revision, IReadOnlyList<StoreEndpointHealth> Endpoints);

/// <summary>One endpoint of the store.</summary>
/// <param name="Endpoint">Its URL.</param>
/// <param name="Healthy">True when it answers and knows a leader.</param>
/// <param name="IsLeader">True when it leads.</param>
/// <param name="Version">Its version; empty when it does not answer.</param>
/// <param name="Detail">The error when it does not answer.</param>
public sealed record StoreEndpointHealth(string Endpoint, bool Healthy, bool IsLeader, string Version, string Detail);
