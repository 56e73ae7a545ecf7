using System.Text.Json;
using System.Text.Json.Serialization;

namespace PgCluster.Engine.Leadership;

/// <summary>Value of <c>/last-leader</c>: what outlives the lease, written with it and kept up by the leader.</summary>
/// <param name="Node">The node that led last.</param>
/// <param name="Timeline">Its timeline.</param>
/// <param name="Term">Its term.</param>
/// <param name="Lsn">How far it had written when it last said so: what a takeover without a synchronous standby may lose is counted from there.</param>
/// <param name="Left">Why it gave the leadership back; null while it leads, and when its lease ended without a word.</param>
/// <param name="Unguarded">
/// True while nothing stops its server when its lease ends, because nobody was to take over: then its end does not prove that the server has stopped.
/// </param>
public sealed record LastLeader(string Node, int Timeline, string Term, Lsn? Lsn = null, string? Left = null, bool Unguarded = false)
{
    /// <summary>
    /// True when the end of its lease does not prove that its server has stopped: nothing was to stop it, and it has not given the leadership back, which it does only after it has stopped.
    /// </summary>
    [JsonIgnore]
    public bool MayStillRun => Unguarded && Left is null;

    /// <summary>As JSON, as it stands in the store.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, EngineJson.Default.LastLeader);

    /// <summary>Reads <see cref="ToJson"/>'s text; null when it is not that.</summary>
    public static LastLeader? FromJson(string? json) => EngineJson.Read(json, EngineJson.Default.LastLeader);
}
