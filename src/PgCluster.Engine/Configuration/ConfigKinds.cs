using System.Globalization;
using System.Xml.XPath;

namespace PgCluster.Engine.Configuration;

/// <summary>The kinds of options there are.</summary>
static class ConfigKinds
{
    /// <summary>Nothing here waits longer: more is a slip of the unit, and timers end at 49 days.</summary>
    static readonly TimeSpan LongestDuration = TimeSpan.FromHours(24);

    /// <summary>A name that goes into etcd keys, application_name and metrics.</summary>
    public static ConfigKind<string> Name { get; } = new TextKind<string>(
        "name",
        "a name of letters, digits, '.', '-' and '_' that begins with a letter or digit, at most 63 characters",
        (text, _) => text.Length is >= 1 and <= 63 && char.IsAsciiLetterOrDigit(text[0])
            && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_') ? new(text) : null,
        text => text);

    public static ConfigKind<string> Text { get; } = new TextKind<string>(
        "text", "a string without control characters", (text, _) => new(text), text => text);

    public static ConfigKind<string> NonEmptyText { get; } = new TextKind<string>(
        "text", "a string that is not empty and has no control characters", (text, _) => text.Length > 0 ? new(text) : null, text => text);

    public static ConfigKind<string> OptionalPath { get; } = new TextKind<string>(
        "path", "a path, or an empty string for none", (text, directory) => new(FullPath(text, directory)), text => text);

    public static ConfigKind<string> RequiredPath { get; } = new TextKind<string>(
        "path", "a path", (text, directory) => text.Length > 0 ? new(FullPath(text, directory)) : null, text => text);

    public static ConfigKind<string> Host { get; } = new TextKind<string>(
        "host", "a host name or an IP address, without a port", (text, _) => HostPort.IsHost(text) ? new(text) : null, text => text);

    public static ConfigKind<HostPort> Address { get; } = new TextKind<HostPort>(
        "host:port",
        "host:port such as \"10.0.0.1:8432\" (an IPv6 address in brackets)",
        (text, _) => HostPort.TryParse(text) is { } address ? new(address) : null,
        address => address.ToString());

    public static ConfigKind<HostPort?> OptionalAddress { get; } = new TextKind<HostPort?>(
        "host:port",
        "host:port such as \"10.0.0.1:8080\" (an IPv6 address in brackets), or an empty string for none",
        (text, _) => text.Length == 0 ? new(null) : HostPort.TryParse(text) is { } address ? new(address) : null,
        address => address?.ToString() ?? "");

    public static ConfigKind<string> KeyPrefix { get; } = new TextKind<string>(
        "key prefix",
        "a key that begins with / and does not end with one, or an empty string for no prefix",
        (text, _) => text.Length == 0 || IsKey(text) ? new(text) : null,
        text => text);

    public static ConfigKind<string> Key { get; } = new TextKind<string>(
        "key", "a key that begins with / and does not end with one", (text, _) => IsKey(text) ? new(text) : null, text => text);

    public static ConfigKind<string> XPath { get; } = new TextKind<string>(
        "XPath", "an XPath 1.0 that selects elements such as \"//node[...]\", or an empty string for none", (text, _) => IsXPath(text) ? new(text) : null, text => text);

    public static ConfigKind<ConfigList<string>> Endpoints { get; } = new ListKind<string>(
        new TextKind<string>("URL", "a URL", (text, _) => Endpoint(text), text => text),
        "URLs",
        "one or more different URLs such as [\"http://127.0.0.1:2379\"]: http or https, a host, and nothing behind the port");

    public static ConfigKind<ConfigList<string>> CommandLine { get; } = new CommandLineKind();

    public static ConfigKind<bool> TrueOrFalse { get; } = new BooleanKind();

    public static ConfigKind<int> Port { get; } = Integer("TCP port", 1, 65535);

    public static ConfigKind<long> Size { get; } = new IntegerKind<long>(
        "bytes",
        "a size in bytes, such as 16777216 or \"16MiB\" (units B, KiB, MiB, GiB, TiB)",
        number => number >= 0 ? number : null,
        SizeText.TryParse,
        alsoText: true,
        bytes => TomlText.Quote(SizeText.Format(bytes)));

    public static ConfigKind<int> Integer(string unit, int smallest, int largest) => new IntegerKind<int>(
        unit,
        string.Create(CultureInfo.InvariantCulture, $"an integer from {smallest} to {largest}"),
        number => number >= smallest && number <= largest ? (int)number : null,
        text => long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null,
        alsoText: false,
        number => number.ToString(CultureInfo.InvariantCulture));

    public static ConfigKind<TimeSpan> Duration(TimeSpan? atLeast = null) => new TextKind<TimeSpan>(
        "duration",
        "a duration with its unit such as \"500ms\", \"5s\" or \"1m30s\", "
            + (atLeast is { } least ? $"from {DurationText.Format(least)}" : "more than 0 and")
            + (atLeast is null ? " at most " : " to ") + DurationText.Format(LongestDuration),
        (text, _) => DurationText.TryParse(text) is { } duration
            && (atLeast is { } minimum ? duration >= minimum : duration > TimeSpan.Zero)
            && duration <= LongestDuration ? new(duration) : null,
        DurationText.Format);

    public static ConfigKind<T> Choice<T>()
        where T : struct, Enum
    {
        var values = Enum.GetValues<T>().ToDictionary(Written, StringComparer.Ordinal);
        return new TextKind<T>(
            string.Join(" or ", values.Keys),
            string.Join(" or ", values.Keys.Select(TomlText.Quote)),
            (text, _) => values.TryGetValue(text, out var value) ? new(value) : null,
            Written);
    }

    /// <summary>In snake case: StrictMajority is strict_majority.</summary>
    static string Written<T>(T value)
        where T : struct, Enum =>
        string.Concat(value.ToString().Select((c, i) => char.IsUpper(c) && i > 0 ? "_" + char.ToLowerInvariant(c) : char.ToLowerInvariant(c).ToString()));

    static string FullPath(string path, string? directory)
    {
        // A path from the root is a path of the node, also on a workstation that would put a drive before it.
        return path.Length == 0 || directory is null || path.StartsWith('/') || Path.IsPathRooted(path)
            ? path
            : Path.GetFullPath(Path.Combine(directory, path));
    }

    static bool IsKey(string text) => text.Length > 1 && text.StartsWith('/') && !text.EndsWith('/');

    static bool IsXPath(string text)
    {
        try
        {
            return text.Length == 0 || XPathExpression.Compile(text).ReturnType == XPathResultType.NodeSet;
        }
        catch (XPathException)
        {
            return false;
        }
    }

    static Reading<string>? Endpoint(string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https"))
        {
            // What does not parse may hold a password all the same.
            return text.Contains('@', StringComparison.Ordinal) ? new("", "a URL", "a text that may hold credentials") : null;
        }

        if (url.UserInfo.Length > 0)
        {
            return new("", "a URL", "a URL with credentials in it (etcd.user and etcd.password_file are for those)");
        }

        return url.PathAndQuery == "/" && url.Fragment.Length == 0 && HostPort.IsPort(url.Port) && HostPort.IsHost(url.IdnHost)
            ? new(text.TrimEnd('/'))
            : null;
    }
}
