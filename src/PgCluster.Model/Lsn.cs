using System.Globalization;

namespace PgCluster;

/// <summary>
/// A position in the write-ahead log, in bytes from its beginning. Written and read as PostgreSQL does: two hexadecimal
/// numbers with a slash, <c>16/B374D848</c> (pg_lsn).
/// </summary>
/// <param name="Value">Bytes from the beginning of the log.</param>
public readonly record struct Lsn(ulong Value) : IComparable<Lsn>
{
    /// <summary>The invalid position, 0/0: PostgreSQL's InvalidXLogRecPtr.</summary>
    public static Lsn Zero => default;

    /// <summary>Reads PostgreSQL's text form.</summary>
    /// <exception cref="FormatException">The text is not two hexadecimal numbers of at most 32 bits with a slash between.</exception>
    public static Lsn Parse(string text) =>
        TryParse(text, out var lsn) ? lsn : throw new FormatException($"'{text}' is not an LSN; expected the form 16/B374D848.");

    /// <summary>Reads PostgreSQL's text form; false when it is anything else.</summary>
    public static bool TryParse(string? text, out Lsn lsn)
    {
        lsn = default;
        var slash = text?.IndexOf('/', StringComparison.Ordinal) ?? -1;
        if (slash < 0
            || !uint.TryParse(text.AsSpan(0, slash), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var high)
            || !uint.TryParse(text.AsSpan(slash + 1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var low))
        {
            return false;
        }

        lsn = new Lsn(((ulong)high << 32) | low);
        return true;
    }

    /// <summary>How many bytes this position is behind <paramref name="other"/>; 0 when it is not behind.</summary>
    public long BytesBehind(Lsn other) => other.Value > Value ? checked((long)(other.Value - Value)) : 0;

    /// <inheritdoc/>
    public int CompareTo(Lsn other) => Value.CompareTo(other.Value);

    /// <inheritdoc/>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{(uint)(Value >> 32):X}/{(uint)Value:X}");

    /// <summary>Whether the left position comes first.</summary>
    public static bool operator <(Lsn left, Lsn right) => left.Value < right.Value;

    /// <summary>Whether the left position comes later.</summary>
    public static bool operator >(Lsn left, Lsn right) => left.Value > right.Value;

    /// <summary>Whether the left position comes first or is the same.</summary>
    public static bool operator <=(Lsn left, Lsn right) => left.Value <= right.Value;

    /// <summary>Whether the left position comes later or is the same.</summary>
    public static bool operator >=(Lsn left, Lsn right) => left.Value >= right.Value;
}
