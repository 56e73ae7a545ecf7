using System.Text;
using System.Text.Unicode;
using PgCluster.Engine.Configuration;

namespace PgCluster.Adapters.Toml;

/// <summary>
/// Reads TOML 1.0. A text that is not valid is a <see cref="PgClusterException"/> with <see cref="Reason.InvalidConfiguration"/> whose
/// message begins with <c>file:line:column:</c>. Line and column count from 1; a column is one Unicode code point.
/// </summary>
public static class TomlReader
{
    /// <summary>Tables, arrays and dotted keys may lie this deep in each other: a hostile file must not exhaust the stack.</summary>
    public const int MaximumDepth = 200;

    const char ByteOrderMark = '\uFEFF';

    /// <summary>Reads a text.</summary>
    /// <param name="text">The whole document; a byte order mark at its start is skipped.</param>
    /// <param name="fileName">What errors call it.</param>
    /// <returns>The root table.</returns>
    /// <exception cref="PgClusterException">The text is not TOML 1.0.</exception>
    public static ConfigValue.Table Parse(string text, string fileName)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(fileName);

        var start = text.StartsWith(ByteOrderMark) ? 1 : 0;
        for (var i = start; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i]))
            {
                continue;
            }

            if (!Rune.TryGetRuneAt(text, i, out _))
            {
                throw TomlScanner.Error(
                    fileName, TomlScanner.PositionAfter(text.AsSpan(start, i - start)), "half of a surrogate pair", "Unicode text");
            }

            i++;
        }

        return new TomlParser(new TomlScanner(text, start, fileName)).ReadDocument();
    }

    /// <summary>Reads UTF-8 bytes, and refuses what is not UTF-8.</summary>
    /// <param name="utf8">The whole document; a byte order mark at its start is skipped.</param>
    /// <param name="fileName">What errors call it.</param>
    /// <returns>The root table.</returns>
    /// <exception cref="PgClusterException">The bytes are not UTF-8, or the text is not TOML 1.0.</exception>
    public static ConfigValue.Table ParseUtf8(ReadOnlySpan<byte> utf8, string fileName)
    {
        ArgumentNullException.ThrowIfNull(fileName);
        if (Utf8.IsValid(utf8))
        {
            return Parse(Encoding.UTF8.GetString(utf8), fileName);
        }

        var valid = 0;
        while (Rune.DecodeFromUtf8(utf8[valid..], out _, out var consumed) == System.Buffers.OperationStatus.Done)
        {
            valid += consumed;
        }

        var before = Encoding.UTF8.GetString(utf8[..valid]).TrimStart(ByteOrderMark);
        throw TomlScanner.Error(
            fileName, TomlScanner.PositionAfter(before), $"the byte 0x{utf8[valid]:X2} is not UTF-8 here", "a file in UTF-8");
    }
}
