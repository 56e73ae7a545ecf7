using PgCluster.Engine.Store;
using PgCluster.Engine.Topology;

namespace PgCluster.Engine.Membership;

/// <summary>Everything below <c>/members/</c> at one moment.</summary>
/// <param name="Records">The records by the node's name.</param>
/// <param name="Revision">Revision of the latest change; 0 when there was none, -1 when the store was not asked.</param>
public sealed record Members(IReadOnlyDictionary<string, MemberRecord> Records, long Revision)
{
    /// <summary>What is known before the store has answered: nothing.</summary>
    public static Members Unread { get; } = new(new Dictionary<string, MemberRecord>(), -1);

    /// <summary>Reads them.</summary>
    public static async Task<Members> ReadAsync(IClusterStore store, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(store);
        return From((await store.ListAsync(StoreKeys.Members, cancellationToken).ConfigureAwait(false)).Entries);
    }

    /// <summary>Of these entries the ones that can be read.</summary>
    public static Members From(IReadOnlyList<StoreEntry> entries) => new(
        entries.Select(e => (Name: e.Key[StoreKeys.Members.Length..], Record: MemberRecord.FromJson(e.Value))).Where(m => m.Record is not null)
            .ToDictionary(m => m.Name, m => m.Record!, StringComparer.Ordinal),
        entries.Select(e => e.ModRevision).DefaultIfEmpty().Max());
}
