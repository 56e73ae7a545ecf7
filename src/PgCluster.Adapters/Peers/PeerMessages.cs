using PgCluster.Engine.Nodes;
using PgCluster.Engine.Rejoin;
using Wire = PgCluster.Protos.V1;

namespace PgCluster.Adapters.Peers;

/// <summary>Turns records into messages of the wire and back.</summary>
public static class PeerMessages
{
    /// <summary>A promotion as it travels.</summary>
    public static Wire.PromoteResponse ToWire(Promotion promotion)
    {
        ArgumentNullException.ThrowIfNull(promotion);
        return new Wire.PromoteResponse
        {
            Timeline = promotion.Timeline,
            Address = promotion.Address,
            Revision = promotion.Revision,
            PromotedMs = promotion.PromotedMs,
            PublishedMs = promotion.PublishedMs,
        };
    }

    /// <summary>A promotion as it arrives.</summary>
    public static Promotion FromWire(Wire.PromoteResponse promotion)
    {
        ArgumentNullException.ThrowIfNull(promotion);
        return new Promotion(promotion.Timeline, promotion.Address, promotion.Revision, promotion.PromotedMs, promotion.PublishedMs);
    }

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

    /// <summary>To the wire.</summary>
    public static Wire.NodeAddress ToWire(UpstreamAddress address) => new() { Name = address.Name, Host = address.Host, Port = address.Port };

    /// <summary>From the wire.</summary>
    public static UpstreamAddress FromWire(Wire.NodeAddress address) => new(address.Name, address.Host, address.Port);

    /// <summary>To the wire.</summary>
    public static Wire.ClientSession ToWire(ClientSession session) => new()
    {
        Pid = session.Pid,
        User = session.User,
        Database = session.Database,
        Application = session.Application,
        State = session.State,
        AgeSeconds = session.AgeSeconds,
    };

    /// <summary>From the wire.</summary>
    public static ClientSession FromWire(string node, Wire.ClientSession session) => new()
    {
        Node = node,
        Pid = session.Pid,
        User = session.User,
        Database = session.Database,
        Application = session.Application,
        State = session.State,
        AgeSeconds = session.AgeSeconds,
    };

    /// <summary>To the wire.</summary>
    public static Wire.InspectRejoinResponse ToWire(RejoinInspection found)
    {
        var answer = new Wire.InspectRejoinResponse { SituationJson = found.Situation.ToJson() };
        if (found.CopyBytes is { } bytes)
        {
            answer.CopyBytes = bytes;
        }

        return answer;
    }

    /// <summary>From the wire.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.AgentUnreachable"/>: it is in a form this version does not read.</exception>
    public static RejoinInspection FromWire(string node, Wire.InspectRejoinResponse answer) => new(
        RejoinSituation.FromJson(answer.SituationJson)
            ?? throw new PgClusterException(Reason.AgentUnreachable, $"the agent of {node} answers in a form this version does not read") { Target = node },
        answer.HasCopyBytes ? answer.CopyBytes : null);

    /// <summary>To the wire.</summary>
    public static Wire.RejoinRequest ToWire(OperationToken operation, UpstreamAddress upstream, RejoinOrder order)
    {
        var request = new Wire.RejoinRequest
        {
            Operation = ToWire(operation),
            UpstreamName = upstream.Name,
            UpstreamHost = upstream.Host,
            UpstreamPort = upstream.Port,
            Method = order.Request.ToString(),
            Planned = order.Planned.ToString(),
            KeepCopy = order.KeepCopy,
        };
        if (order.DiscardedBytes is { } bytes)
        {
            request.DiscardedBytes = bytes;
        }

        return request;
    }

    /// <summary>From the wire.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidArgument"/>: a method that this version does not know.</exception>
    public static RejoinOrder FromWire(Wire.RejoinRequest request) => new(
        Known<RepairMethod>(request.Method), Known<RejoinMethod>(request.Planned), request.HasDiscardedBytes ? request.DiscardedBytes : null, request.KeepCopy);

    /// <summary>From the wire.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidArgument"/>: a method that this version does not know.</exception>
    public static RejoinOutcome FromWire(Wire.RejoinResponse answer) => new(
        Known<RejoinMethod>(answer.Method), answer.KeptDirectory.Length > 0 ? answer.KeptDirectory : null);

    private static T Known<T>(string name)
        where T : struct, Enum => Enum.TryParse<T>(name, out var value) && Enum.IsDefined(value)
        ? value
        : throw new PgClusterException(Reason.InvalidArgument, $"'{name}' is no {typeof(T).Name} of this version");
}
