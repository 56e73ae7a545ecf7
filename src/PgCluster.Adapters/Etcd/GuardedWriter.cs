using Google.Protobuf;
using PgCluster.Adapters.Etcd.Wire;
using PgCluster.Engine.Store;

namespace PgCluster.Adapters.Etcd;

/// <summary>What a guarded write came to.</summary>
/// <param name="Written">True when the operations were done, now or by an earlier try of the same call.</param>
/// <param name="Revision">The store's revision after it.</param>
/// <param name="Before">The keys it was decided on.</param>
/// <param name="After">The keys with the write in them, when they had to be read to find out; null otherwise.</param>
internal sealed record GuardedWrite(bool Written, long Revision, KeySnapshot Before, KeySnapshot? After);

/// <summary>Writes that may be tried again.</summary>
/// <remarks>
/// The rule. A try that was not answered may have been done, or may still be done later: a member that was frozen sends on what it had
/// received when it thaws. Repeating a bare put would let such a straggler overwrite a newer value minutes later. So:
/// <list type="number">
/// <item>Every write is a transaction guarded by the mod-revisions of all keys it touches or depends on, read just before. All tries with
/// the same guards together are done at most once, and a straggler finds its guards broken. (The one hole: a key that was absent and is
/// absent again. Under a lease even that is closed, for the lease is gone too.)</item>
/// <item>After a try without an answer the keys are read again, and <see cref="WriteEvidence"/> says whether it was done: then that is the
/// success. If it was not done, the write is decided anew on what was read.</item>
/// <item>Where the keys cannot tell it from another client's write, an unconditional write (put, delete, compare-and-update) counts as done
/// when its effect is there, and is repeated when it was overwritten: the last writer wins in any case. A conditional one may be the proof
/// of who won something, so it fails and says that its outcome is not known.</item>
/// </list>
/// </remarks>
internal sealed class GuardedWriter(EtcdClient client, Func<long, bool> isOwnLease)
{
    /// <summary>Does the operations unless <paramref name="wanted"/> says no to the keys as they are.</summary>
    /// <param name="operations">What to do, each key once.</param>
    /// <param name="conditions">Further keys that <paramref name="wanted"/> looks at, and whether the write is conditional.</param>
    /// <param name="wanted">Decides on the keys; asked again when they changed meanwhile.</param>
    /// <param name="budget">The time for all of it.</param>
    public async Task<GuardedWrite> WriteAsync(
        IReadOnlyList<StoreOperation> operations,
        IReadOnlyList<StoreCondition> conditions,
        Func<KeySnapshot, bool> wanted,
        RequestBudget budget)
    {
        string[] keys = [.. operations.Select(operation => operation.Key).Concat(conditions.Select(condition => condition.Key)).Distinct()];
        var snapshot = await ReadAsync(keys, budget).ConfigureAwait(false);
        KeySnapshot? doubt = null;
        while (true)
        {
            if (doubt is not null)
            {
                switch (WriteEvidence.Judge(operations, doubt, snapshot, isOwnLease))
                {
                    case WriteVerdict.Done:
                    case WriteVerdict.SameEffect when conditions.Count == 0:
                        return new GuardedWrite(true, snapshot.Revision, doubt, snapshot);
                    case WriteVerdict.SameEffect or WriteVerdict.Unknown when conditions.Count > 0:
                        throw new PgClusterException(
                            Reason.StoreUnavailable,
                            $"etcd did not answer a transaction on {string.Join(", ", keys)}, and whether it was done or another client's write "
                            + "was is not known.",
                            budget.LastFailure)
                        {
                            Target = client.EndpointNames,
                        };
                    default:
                        doubt = snapshot.IsUntouchedSince(doubt) ? doubt : null;
                        budget.WriteInDoubt = doubt is not null;
                        break;
                }
            }

            if (!wanted(snapshot))
            {
                return new GuardedWrite(false, snapshot.Revision, snapshot, null);
            }

            var response = await client.TryAsync(EtcdMethods.Txn, Compose(keys, operations, snapshot), budget).ConfigureAwait(false);
            if (response is null)
            {
                doubt ??= snapshot;
                budget.WriteInDoubt = true;
                snapshot = await ReadAsync(keys, budget).ConfigureAwait(false);
            }
            else if (response.Succeeded)
            {
                return new GuardedWrite(true, response.Header.Revision, snapshot, null);
            }
            else
            {
                snapshot = ToSnapshot(keys, response);
            }
        }
    }

    private async Task<KeySnapshot> ReadAsync(string[] keys, RequestBudget budget)
    {
        var request = new TxnRequest();
        request.Success.Add(keys.Select(ToRange));
        return ToSnapshot(keys, await client.CallAsync(EtcdMethods.Txn, request, budget).ConfigureAwait(false));
    }

    private TxnRequest Compose(string[] keys, IReadOnlyList<StoreOperation> operations, KeySnapshot guards)
    {
        var request = new TxnRequest();
        foreach (var key in keys)
        {
            request.Compare.Add(new Compare
            {
                Key = client.Keys.ToWire(key),
                Target = Compare.Types.CompareTarget.Mod,
                Result = Compare.Types.CompareResult.Equal,
                ModRevision = guards[key].ModRevision,
            });
            request.Failure.Add(ToRange(key));
        }

        request.Success.Add(operations.Select(operation => operation switch
        {
            StoreOperation.Put put => new RequestOp
            {
                RequestPut = new PutRequest
                {
                    Key = client.Keys.ToWire(put.Key),
                    Value = ByteString.CopyFromUtf8(put.Value),
                    Lease = put.Lease?.Id ?? 0,
                },
            },
            _ => new RequestOp { RequestDeleteRange = new DeleteRangeRequest { Key = client.Keys.ToWire(operation.Key) } },
        }));
        return request;
    }

    private RequestOp ToRange(string key) => new() { RequestRange = new RangeRequest { Key = client.Keys.ToWire(key) } };

    private static KeySnapshot ToSnapshot(string[] keys, TxnResponse response)
    {
        var states = new Dictionary<string, KeyState>(keys.Length);
        for (var i = 0; i < keys.Length; i++)
        {
            var found = response.Responses[i].ResponseRange.Kvs;
            states[keys[i]] = found.Count == 0 ? default : ToState(found[0]);
        }

        return new KeySnapshot(response.Header.Revision, states);
    }

    private static KeyState ToState(KeyValue found) =>
        new(found.Value.ToStringUtf8(), found.CreateRevision, found.ModRevision, found.Version, found.Lease);
}
