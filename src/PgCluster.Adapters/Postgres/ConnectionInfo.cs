using System.Text;

namespace PgCluster.Adapters.Postgres;

/// <summary>libpq's keyword/value connection string, as primary_conninfo has it. Order is kept; the last of a repeated keyword counts.</summary>
internal sealed class ConnectionInfo
{
    private readonly List<KeyValuePair<string, string>> _pairs;

    private ConnectionInfo(List<KeyValuePair<string, string>> pairs) => _pairs = pairs;

    internal static ConnectionInfo Empty => new([]);

    internal string? this[string keyword] => _pairs.FindLast(pair => pair.Key == keyword).Value;

    /// <summary>Reads it; null when it is not of that form (a URI, or broken).</summary>
    internal static ConnectionInfo? TryParse(string text)
    {
        var pairs = new List<KeyValuePair<string, string>>();
        var at = 0;
        while (true)
        {
            SkipBlanks();
            if (at == text.Length)
            {
                return new ConnectionInfo(pairs);
            }

            var start = at;
            while (at < text.Length && text[at] != '=' && !char.IsWhiteSpace(text[at]))
            {
                at++;
            }

            var keyword = text[start..at];
            SkipBlanks();
            if (keyword.Length == 0 || at == text.Length || text[at] != '=')
            {
                return null;
            }

            at++;
            SkipBlanks();
            if (ReadValue() is not { } value)
            {
                return null;
            }

            pairs.Add(new(keyword, value));
        }

        void SkipBlanks()
        {
            while (at < text.Length && char.IsWhiteSpace(text[at]))
            {
                at++;
            }
        }

        string? ReadValue()
        {
            var quoted = at < text.Length && text[at] == '\'';
            var value = new StringBuilder();
            for (at += quoted ? 1 : 0; at < text.Length; at++)
            {
                if (quoted ? text[at] == '\'' : char.IsWhiteSpace(text[at]))
                {
                    at += quoted ? 1 : 0;
                    return value.ToString();
                }

                if (text[at] == '\\' && at + 1 < text.Length)
                {
                    at++;
                }

                value.Append(text[at]);
            }

            return quoted ? null : value.ToString();
        }
    }

    /// <summary>A copy with this keyword set; taken away when the value is empty.</summary>
    internal ConnectionInfo With(string keyword, string value)
    {
        var pairs = _pairs.Where(pair => pair.Key != keyword).ToList();
        if (value.Length > 0)
        {
            var index = _pairs.FindIndex(pair => pair.Key == keyword);
            pairs.Insert(index < 0 ? pairs.Count : Math.Min(index, pairs.Count), new(keyword, value));
        }

        return new ConnectionInfo(pairs);
    }

    /// <summary>True when both say the same, in whatever order and quoting.</summary>
    internal bool SameAs(ConnectionInfo other)
    {
        var keywords = _pairs.Concat(other._pairs).Select(pair => pair.Key).Distinct();
        return keywords.All(keyword => this[keyword] == other[keyword]);
    }

    public override string ToString() => string.Join(' ', _pairs.Select(pair => $"{pair.Key}={Quote(pair.Value)}"));

    private static string Quote(string value) =>
        value.Length > 0 && value.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' or '/' or ':')
            ? value
            : $"'{value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal)}'";
}
