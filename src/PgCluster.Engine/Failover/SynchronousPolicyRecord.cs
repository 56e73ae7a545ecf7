using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;

namespace PgCluster.Engine.Failover;

/// <summary>
/// The synchronous policy the primary last ran under, kept in the store after the primary is gone: an acknowledged commit is on at least
/// <paramref name="Count"/> of <paramref name="Standbys"/> (W), so any <c>N - Count + 1</c> of them (R) together have it: R + W > N.
/// </summary>
/// <param name="Primary">The primary that ran under it.</param>
/// <param name="Timeline">Its timeline.</param>
/// <param name="Count">How many standbys a commit waits for; 0 when it waits for none.</param>
/// <param name="Standbys">The standbys named; <c>*</c> for any.</param>
/// <param name="Previous">
/// The policy before, while commits that only it vouches for may still have to be found: it holds beside this one, until the standbys of this one have been
/// seen to have everything up to the change. Null when there is none.
/// </param>
public sealed partial record SynchronousPolicyRecord(string Primary, int Timeline, int Count, IReadOnlyList<string> Standbys, SynchronousPolicyRecord? Previous = null)
{
    /// <summary>How many of the named standbys must be asked so that one of them has every acknowledged commit; 0 when nothing vouches.</summary>
    public int NeededToVouch => Count == 0 || Standbys.Contains("*") ? 0 : Standbys.Count - Count + 1;

    /// <summary>This policy and every one before it that still holds, the newest first.</summary>
    [JsonIgnore]
    public IEnumerable<SynchronousPolicyRecord> InForce
    {
        get
        {
            for (var policy = this; policy is not null; policy = policy.Previous)
            {
                yield return policy;
            }
        }
    }

    /// <summary>True when a commit waits for the same standbys under both, whatever came before either.</summary>
    public bool IsSameAs(SynchronousPolicyRecord? other) =>
        other is not null && Timeline == other.Timeline && AsksTheSameAs(other);

    /// <summary>
    /// This policy before those that are on record. What asks the same of an election holds once, whatever its timeline: a leadership that moves faster than
    /// the standbys are seen to arrive goes round among a few lists, and the record does not grow with each move.
    /// </summary>
    public SynchronousPolicyRecord Before(SynchronousPolicyRecord? recorded)
    {
        List<SynchronousPolicyRecord> kept = [this];
        kept.AddRange((recorded?.InForce ?? []).Where(older => !kept.Exists(newer => newer.AsksTheSameAs(older))));
        return kept.AsEnumerable().Reverse().Aggregate((SynchronousPolicyRecord?)null, (previous, policy) => policy with { Previous = previous })!;
    }

    /// <summary>
    /// Reads synchronous_standby_names: <c>FIRST k (a, b)</c>, <c>ANY k (a, b)</c>, <c>k (a, b)</c>, or a plain list, which means FIRST 1.
    /// </summary>
    public static SynchronousPolicyRecord Parse(string primary, int timeline, string synchronousStandbyNames)
    {
        var text = synchronousStandbyNames.Trim();
        if (text.Length == 0)
        {
            return new SynchronousPolicyRecord(primary, timeline, 0, []);
        }

        var form = CountedList().Match(text);
        var count = form.Success ? int.Parse(form.Groups["count"].Value, CultureInfo.InvariantCulture) : 1;
        var list = form.Success ? form.Groups["list"].Value : text;
        string[] names = [.. Name().Matches(list).Select(m =>
            m.Groups["quoted"].Success ? m.Groups["quoted"].Value.Replace("\"\"", "\"", StringComparison.Ordinal) : m.Groups["plain"].Value)];
        return new SynchronousPolicyRecord(primary, timeline, count, names);
    }

    /// <summary>As JSON, as it stands in the store.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, EngineJson.Default.SynchronousPolicyRecord);

    /// <summary>Reads <see cref="ToJson"/>'s text; null when it is not that.</summary>
    public static SynchronousPolicyRecord? FromJson(string? json) => EngineJson.Read(json, EngineJson.Default.SynchronousPolicyRecord);

    private bool AsksTheSameAs(SynchronousPolicyRecord other) =>
        (Primary, Count) == (other.Primary, other.Count) && Standbys.SequenceEqual(other.Standbys, StringComparer.Ordinal);

    [GeneratedRegex(@"^\s*(?:(?:FIRST|ANY)\s+)?(?<count>\d+)\s*\((?<list>.*)\)\s*$", RegexOptions.IgnoreCase | RegexOptions.Singleline)]
    private static partial Regex CountedList();

    [GeneratedRegex("\"(?<quoted>(?:[^\"]|\"\")+)\"|(?<plain>[^\\s,\"]+)")]
    private static partial Regex Name();
}
