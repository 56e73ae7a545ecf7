using System.Text.Json;

namespace PgCluster.Engine.Failover;

/// <summary>How far the cluster's current operation has been decided.</summary>
public enum DecisionState
{
    /// <summary>Under way; the old primary may still come back.</summary>
    Running = 0,

    /// <summary>Decided for the target: the old primary must never start as a primary again.</summary>
    Promoted,

    /// <summary>Decided for the old primary: the target must not be promoted.</summary>
    Abandoned,
}

/// <summary>
/// The one record two agents decide by. It goes from Running to exactly one of the others by compare-and-put, so that the target's promotion and
/// the old primary's return exclude each other even when the client that ran the operation is dead. It stays after the operation, and
/// then says since which timeline who is the primary.
/// </summary>
/// <param name="Id">The operation.</param>
/// <param name="State">The decision.</param>
/// <param name="From">The primary before; null when there was none.</param>
/// <param name="Target">The node that takes over.</param>
/// <param name="Timeline">The target's timeline since its promotion; 0 before.</param>
public sealed record OperationDecision(string Id, DecisionState State, string? From, string Target, int Timeline = 0)
{
    /// <summary>As JSON, as it stands in the store.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, EngineJson.Default.OperationDecision);

    /// <summary>Reads <see cref="ToJson"/>'s text; null when it is not that.</summary>
    public static OperationDecision? FromJson(string? json) => EngineJson.Read(json, EngineJson.Default.OperationDecision);
}
