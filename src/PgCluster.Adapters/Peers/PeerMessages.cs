using PgCluster.Engine.Nodes;
using Wire = PgCluster.Protos.V1;

namespace PgCluster.Adapters.Peers;

/// <summary>Turns records into messages of the wire and back.</summary>
public static class PeerMessages
{
    /// <summary>To the wire.</summary>
    public static Wire.Operation ToWire(OperationToken token) =>
        new() { Id = token.Id, LockKey = token.LockKey, LockRevision = token.LockRevision };

    /// <summary>From the wire; an absent operation proves nothing and is refused.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.LockLost"/>.</exception>
    public static OperationToken FromWire(Wire.Operation? operation) => operation is { Id.Length: > 0, LockKey.Length: > 0 }
        ? new OperationToken(operation.Id, operation.LockKey, operation.LockRevision)
        : throw new PgClusterException(Reason.LockLost, "the call does not say under which operation and lock it is made");

    /// <summary>To the wire.</summary>
    public static Wire.PauseLease ToWire(PauseLease lease) => new()
    {
        Id = lease.Id,
        Pooler = lease.Pooler,
        Holder = lease.Holder,
        CreatedUnixMs = lease.CreatedAt.ToUnixTimeMilliseconds(),
        ExpiresUnixMs = lease.ExpiresAt.ToUnixTimeMilliseconds(),
    };

    /// <summary>From the wire.</summary>
    public static PauseLease FromWire(Wire.PauseLease lease) => new()
    {
        Id = lease.Id,
        Pooler = lease.Pooler,
        Holder = lease.Holder,
        CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(lease.CreatedUnixMs),
        ExpiresAt = DateTimeOffset.FromUnixTimeMilliseconds(lease.ExpiresUnixMs),
    };

    /// <summary>To the wire.</summary>
    public static Wire.OpenTransaction ToWire(PauseBlocker blocker) => new()
    {
        Pid = blocker.Pid,
        User = blocker.User,
        Database = blocker.Database,
        Application = blocker.Application,
        State = blocker.State,
        AgeSeconds = blocker.AgeSeconds,
    };

    /// <summary>From the wire.</summary>
    public static PauseBlocker FromWire(string node, Wire.OpenTransaction transaction) => new()
    {
        Node = node,
        Pid = transaction.Pid,
        User = transaction.User,
        Database = transaction.Database,
        Application = transaction.Application,
        State = transaction.State,
        AgeSeconds = transaction.AgeSeconds,
    };
}
