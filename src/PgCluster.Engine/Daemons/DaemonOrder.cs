using System.Text.Json;

namespace PgCluster.Engine.Daemons;

/// <summary>What a daemon is told to do.</summary>
/// <param name="Kind">What.</param>
/// <param name="DrainTimeout">How long connections of the one that ends may go on; null for its agent.drain_timeout.</param>
public sealed record DaemonOrder(DaemonOrderKind Kind, TimeSpan? DrainTimeout = null)
{
    /// <summary>As JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, EngineJson.Default.DaemonOrder);

    /// <summary>Reads <see cref="ToJson"/>'s text; null when it is not that.</summary>
    public static DaemonOrder? FromJson(string json) => EngineJson.Read(json, EngineJson.Default.DaemonOrder);
}
