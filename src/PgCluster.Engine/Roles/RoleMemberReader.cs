using System.Globalization;
using System.Text.Json;

namespace PgCluster.Engine.Roles;

/// <summary>
/// Members from what people have at hand: written down by them (name, role, failure domain, weight, …), or the nodes of a cluster as Get-PgClusterNode and pgcluster nodes --json give
/// them. Upper and lower case, underscores and hyphens in names do not matter.
/// </summary>
public static class RoleMemberReader
{
    private static readonly JsonDocumentOptions Lenient = new() { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip };

    private static readonly string[] Known = ["name", "role", "is_primary", "failure_domain", "weight", "is_online", "no_failover", "suspended"];

    /// <summary>Reads JSON: an array of members or nodes, or an object whose property members or nodes is one.</summary>
    /// <param name="json">The text.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidArgument"/>: it is no such JSON; the message says where.</exception>
    public static IReadOnlyList<RoleMember> Read(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, Lenient);
            var root = document.RootElement;
            var list = root.ValueKind == JsonValueKind.Object
                ? root.EnumerateObject().Where(p => Plain(p.Name) is "members" or "nodes").Select(p => p.Value).FirstOrDefault()
                : root;
            return list.ValueKind == JsonValueKind.Array && list.EnumerateArray().All(e => e.ValueKind == JsonValueKind.Object)
                ? [.. list.EnumerateArray().Select(e => Read(e.EnumerateObject().Select(p => KeyValuePair.Create(p.Name, Value(p.Value)))))]
                : throw Wrong("expected an array of members, for example [{ \"name\": \"pg01\", \"role\": \"primary\" }, { \"name\": \"pg02\", \"role\": \"spare\" }]");
        }
        catch (JsonException e)
        {
            throw new PgClusterException(Reason.InvalidArgument, $"this is no JSON: {e.Message}", e);
        }
    }

    /// <summary>Reads one member, or one node of a cluster: that is what has a state.</summary>
    /// <param name="fields">Its fields.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidArgument"/>: a field is not known or has no value that it can have.</exception>
    public static RoleMember Read(IEnumerable<KeyValuePair<string, object?>> fields)
    {
        var all = new Dictionary<string, object?>(StringComparer.Ordinal);
        var unknown = new List<string>();
        foreach (var (name, value) in fields)
        {
            var key = Key(name);
            all[key] = value;
            if (!Known.Any(k => Plain(k) == key))
            {
                unknown.Add(name);
            }
        }

        var member = Text(all, "name");
        if (member.Length == 0)
        {
            throw Wrong($"a member has no name; its fields are {(all.Count == 0 ? "none" : string.Join(", ", all.Keys))}");
        }

        if (all.ContainsKey("state"))
        {
            return Of(new ClusterNode
            {
                Cluster = "",
                Name = member,
                Host = "",
                Port = 0,
                Role = Choice<NodeRole>(all, "role", member),
                SyncState = Choice<SyncState>(all, "syncstate", member),
                State = Choice<NodeState>(all, "state", member),
                FailureDomain = Text(all, "failuredomain"),
                Weight = Number(all, "weight", member),
                NoFailover = Flag(all, "nofailover", member) ?? false,
                Suspended = Suspension(all),
            });
        }

        // One that is misspelt would change the plan without a word.
        if (unknown.Count > 0)
        {
            throw Wrong($"{member} has a field '{unknown[0]}' that no member has; known are {string.Join(", ", Known)}");
        }

        var isPrimary = all.TryGetValue("role", out var role) && role is string text && Plain(text) == "primary";
        return new RoleMember
        {
            Name = member,
            Role = isPrimary ? MemberRole.Voter : Choice<MemberRole>(all, "role", member),
            IsPrimary = Flag(all, "isprimary", member) ?? isPrimary,
            FailureDomain = Text(all, "failuredomain"),
            Weight = Number(all, "weight", member),
            IsOnline = Flag(all, "isonline", member) ?? true,
            NoFailover = Flag(all, "nofailover", member) ?? false,
            Suspended = Suspension(all),
        };
    }

    /// <summary>
    /// A node of a cluster as one look at it shows it: named in synchronous_standby_names is a voter, streaming a stand-by, anything else a spare; online is who accepts connections. One look knows no
    /// hysteresis.
    /// </summary>
    /// <param name="node">The node.</param>
    public static RoleMember Of(ClusterNode node)
    {
        ArgumentNullException.ThrowIfNull(node);
        return new RoleMember
        {
            Name = node.Name,
            Role = node.Role == NodeRole.Primary || node.SyncState is SyncState.Sync or SyncState.Quorum or SyncState.Potential ? MemberRole.Voter
                : node.SyncState == SyncState.Async || node is { Role: NodeRole.Standby, State: NodeState.Running } ? MemberRole.StandBy
                : MemberRole.Spare,
            IsPrimary = node.Role == NodeRole.Primary,
            FailureDomain = node.FailureDomain,
            Weight = node.Weight,
            IsOnline = node.State is NodeState.Running or NodeState.NotStreaming,
            NoFailover = node.NoFailover,
            Suspended = node.Suspended,
        };
    }

    private static string Key(string name) => Plain(name) switch
    {
        "node" => "name",
        "primary" => "isprimary",
        "online" => "isonline",
        var plain => plain,
    };

    private static string Plain(string name) => name.Replace("_", "", StringComparison.Ordinal).Replace("-", "", StringComparison.Ordinal).ToLowerInvariant();

    private static string Shown(string field) => Known.First(k => Plain(k) == field);

    private static object? Value(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.String => element.GetString(),
        JsonValueKind.Number => element.TryGetInt64(out var whole) ? whole : element.GetDouble(),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Null => null,
        _ => element.GetRawText(),
    };

    private static string Text(Dictionary<string, object?> all, string field) => Convert.ToString(all.GetValueOrDefault(field), CultureInfo.InvariantCulture) ?? "";

    private static int Number(Dictionary<string, object?> all, string field, string member) => all.GetValueOrDefault(field) switch
    {
        null => 0,
        var value => int.TryParse(Convert.ToString(value, CultureInfo.InvariantCulture), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw Wrong($"{Shown(field)} of {member} is '{value}', and should be a whole number"),
    };

    private static bool? Flag(Dictionary<string, object?> all, string field, string member) => all.GetValueOrDefault(field) switch
    {
        null => null,
        bool flag => flag,
        var value => bool.TryParse(Convert.ToString(value, CultureInfo.InvariantCulture), out var flag)
            ? flag
            : throw Wrong($"{Shown(field)} of {member} is '{value}', and should be true or false"),
    };

    private static string? Suspension(Dictionary<string, object?> all) => all.GetValueOrDefault("suspended") switch
    {
        null or false or "" => null,
        true => "suspended",
        var value => Convert.ToString(value, CultureInfo.InvariantCulture),
    };

    /// <summary>A name or a number, as enumerations come out of JSON.</summary>
    private static T Choice<T>(Dictionary<string, object?> all, string field, string member)
        where T : struct, Enum => all.GetValueOrDefault(field) switch
    {
        null => default,
        var value => Enum.TryParse<T>(Plain(Convert.ToString(value, CultureInfo.InvariantCulture)!), ignoreCase: true, out var choice) && Enum.IsDefined(choice)
            ? choice
            : throw Wrong($"{field} of {member} is '{value}'; known are {(typeof(T) == typeof(MemberRole) ? "Primary, " : "")}{string.Join(", ", Enum.GetNames<T>())}"),
    };

    private static PgClusterException Wrong(string message) => new(Reason.InvalidArgument, message);
}
