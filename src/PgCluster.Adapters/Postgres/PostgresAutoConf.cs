using System.Text;

namespace PgCluster.Adapters.Postgres;

/// <summary>
/// postgresql.auto.conf, the file ALTER SYSTEM writes, edited without a server: one has to be a standby before it is started. Comments and settings
/// of others stay as they are.
/// </summary>
internal sealed class PostgresAutoConf
{
    internal const string FileName = "postgresql.auto.conf";

    private readonly List<string> _lines;

    private PostgresAutoConf(List<string> lines) => _lines = lines;

    internal static PostgresAutoConf Parse(string text)
    {
        var lines = text.Split('\n').Select(line => line.TrimEnd('\r')).ToList();
        if (lines[^1].Length == 0)
        {
            lines.RemoveAt(lines.Count - 1);
        }

        return new PostgresAutoConf(lines);
    }

    /// <summary>The value of a setting; null when it is not set here.</summary>
    internal string? Get(string name)
    {
        var index = _lines.FindLastIndex(line => IsSetting(line, name));
        return index < 0 ? null : ReadValue(_lines[index], NameLength(_lines[index]));
    }

    /// <summary>Sets a setting. False when it had this value already.</summary>
    /// <exception cref="ArgumentException">The value has a line break: the file cannot hold one.</exception>
    internal bool Set(string name, string value)
    {
        if (value.AsSpan().ContainsAny('\n', '\r', '\0'))
        {
            throw new ArgumentException($"The value of {name} has a line break.", nameof(value));
        }

        if (Get(name) == value)
        {
            return false;
        }

        var line = $"{name} = '{value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "''", StringComparison.Ordinal)}'";
        var last = _lines.FindLastIndex(existing => IsSetting(existing, name));
        if (last < 0)
        {
            _lines.Add(line);
            return true;
        }

        // The last one counts: earlier ones would come back to life if somebody removed it.
        _lines[last] = line;
        for (var i = last - 1; i >= 0; i--)
        {
            if (IsSetting(_lines[i], name))
            {
                _lines.RemoveAt(i);
            }
        }

        return true;
    }

    /// <summary>Takes a setting out. False when it was not there.</summary>
    internal bool Remove(string name) => _lines.RemoveAll(line => IsSetting(line, name)) > 0;

    public override string ToString() => _lines.Count == 0 ? "" : string.Join('\n', _lines) + "\n";

    private static bool IsSetting(string line, string name)
    {
        var trimmed = line.AsSpan().TrimStart();
        return NameLength(line) == line.Length - trimmed.Length + name.Length
            && trimmed.StartsWith(name, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Where the name ends, leading blanks included.</summary>
    private static int NameLength(string line)
    {
        var at = line.Length - line.AsSpan().TrimStart().Length;
        while (at < line.Length && (char.IsAsciiLetterOrDigit(line[at]) || line[at] is '_' or '.'))
        {
            at++;
        }

        return at;
    }

    /// <summary>The value behind a name, as PostgreSQL's own reader takes it: the equals sign is optional, quotes double, backslashes escape.</summary>
    private static string ReadValue(string line, int at)
    {
        var rest = line.AsSpan(at).TrimStart();
        if (rest.StartsWith("="))
        {
            rest = rest[1..].TrimStart();
        }

        if (!rest.StartsWith("'"))
        {
            var end = rest.IndexOfAny(" \t#");
            return (end < 0 ? rest : rest[..end]).ToString();
        }

        var value = new StringBuilder();
        for (var i = 1; i < rest.Length; i++)
        {
            if (rest[i] == '\'')
            {
                if (i + 1 == rest.Length || rest[i + 1] != '\'')
                {
                    break;
                }

                i++;
            }
            else if (rest[i] == '\\' && i + 1 < rest.Length)
            {
                i++;
                var digits = 0;
                while (digits < 3 && i + digits < rest.Length && rest[i + digits] is >= '0' and <= '7')
                {
                    digits++;
                }

                if (digits > 0)
                {
                    value.Append((char)Convert.ToInt32(rest.Slice(i, digits).ToString(), 8));
                    i += digits - 1;
                    continue;
                }

                value.Append(rest[i] switch { 'n' => '\n', 't' => '\t', 'r' => '\r', 'b' => '\b', 'f' => '\f', var c => c });
                continue;
            }

            value.Append(rest[i]);
        }

        return value.ToString();
    }
}
