using System.Text.Json;

namespace PgCluster.Engine.Pooling;

/// <summary>A proxy as it describes itself in the store, under its lease.</summary>
/// <param name="Pooler">The pooler it renders.</param>
/// <param name="Revision">The store's revision it has followed; 0 for none yet.</param>
/// <param name="Address">The address it has applied; null for none yet.</param>
/// <param name="Error">Why the newest address could not be applied; null when it was.</param>
/// <param name="Version">The proxy's version.</param>
/// <param name="Rehearsed">The announced run whose redirect it has tried on paper; null for none.</param>
/// <param name="Objection">Why it could not follow that redirect; null when it could.</param>
public sealed record ProxyReport(
    string Pooler, long Revision, string? Address, string? Error, string Version, Guid? Rehearsed = null, string? Objection = null)
{
    /// <summary>As JSON, as it stands in the store.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, EngineJson.Default.ProxyReport);

    /// <summary>Reads <see cref="ToJson"/>'s text; null when it is not that.</summary>
    public static ProxyReport? FromJson(string json) => EngineJson.Read(json, EngineJson.Default.ProxyReport);
}
