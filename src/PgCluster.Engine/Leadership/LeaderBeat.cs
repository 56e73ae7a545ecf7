using System.Text.Json;

namespace PgCluster.Engine.Leadership;

/// <summary>
/// Value of <c>/leader-beat</c>, which a leader writes again and again in its term: whoever sees no new one for the length of the lease knows that the leader has stopped, whatever the store's own
/// clock says of the lease. The store starts every lease anew when its leader changes, as it does when it was on the host that was lost.
/// </summary>
/// <param name="Term">The term that beats.</param>
/// <param name="TtlSeconds">Length of the leader's lease in seconds, as the leader has it.</param>
public sealed record LeaderBeat(string Term, double TtlSeconds)
{
    /// <summary>As JSON, as it stands in the store.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, EngineJson.Default.LeaderBeat);

    /// <summary>Reads <see cref="ToJson"/>'s text; null when it is not that.</summary>
    public static LeaderBeat? FromJson(string? json) => EngineJson.Read(json, EngineJson.Default.LeaderBeat);
}
