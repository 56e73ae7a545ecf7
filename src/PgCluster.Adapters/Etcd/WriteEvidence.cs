using PgCluster.Engine.Store;

namespace PgCluster.Adapters.Etcd;

/// <summary>What became of a write whose answer never came.</summary>
internal enum WriteVerdict
{
    /// <summary>It was not done, as far as this revision goes.</summary>
    NotDone,

    /// <summary>It was done.</summary>
    Done,

    /// <summary>Exactly what it wanted was done, by it or by somebody who wanted the same.</summary>
    SameEffect,

    /// <summary>The keys were written more than once since: it may be one of those writes.</summary>
    Unknown,
}

/// <summary>Reads off the keys whether a write was done, of which only the request is known.</summary>
internal static class WriteEvidence
{
    /// <summary>Judges a transaction that was guarded by <paramref name="before"/>, by the keys as they are now.</summary>
    /// <param name="operations">What it would have done.</param>
    /// <param name="before">The keys it was guarded by.</param>
    /// <param name="now">The keys after it.</param>
    /// <param name="isOwnLease">Whether a lease is held by this very store, so that nobody else writes under it or in its name.</param>
    public static WriteVerdict Judge(
        IReadOnlyList<StoreOperation> operations, KeySnapshot before, KeySnapshot now, Func<long, bool> isOwnLease)
    {
        var unknown = false;
        var ownPut = false;
        long revision = 0;
        foreach (var operation in operations)
        {
            var was = before[operation.Key];
            var state = now[operation.Key];
            if (operation is StoreOperation.Put put)
            {
                if (state.ModRevision == was.ModRevision)
                {
                    // A put always moves the mod-revision, and a transaction is done whole or not at all.
                    return WriteVerdict.NotDone;
                }

                var writtenOnce = was.Exists
                    ? state.CreateRevision == was.CreateRevision && state.Version == was.Version + 1
                    : state.Version == 1;
                if (!writtenOnce)
                {
                    unknown = true;
                    continue;
                }

                var lease = put.Lease?.Id ?? 0;
                if (state.Value != put.Value || state.Lease != lease || (revision != 0 && revision != state.ModRevision))
                {
                    return WriteVerdict.NotDone;
                }

                revision = state.ModRevision;
                ownPut |= lease != 0 && isOwnLease(lease);
            }
            else if (was.Exists && state.Exists)
            {
                if (state.CreateRevision == was.CreateRevision)
                {
                    return WriteVerdict.NotDone;
                }

                unknown = true;
            }
        }

        if (unknown)
        {
            return WriteVerdict.Unknown;
        }

        // What was written under a lease of our own, or on condition of a key that hangs on one, nobody else can have written.
        return ownPut || before.States.Values.Any(state => state.Lease != 0 && isOwnLease(state.Lease))
            ? WriteVerdict.Done
            : WriteVerdict.SameEffect;
    }
}
