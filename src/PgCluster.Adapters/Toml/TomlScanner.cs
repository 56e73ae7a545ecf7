using PgCluster.Engine.Configuration;

namespace PgCluster.Adapters.Toml;

/// <summary>The text under a cursor that knows its line and column.</summary>
sealed class TomlScanner(string text, int start, string fileName)
{
    /// <summary>What <see cref="Peek"/> gives behind the last character; NUL is a character a broken file may contain.</summary>
    public const int End = -1;

    int _index = start;
    int _line = 1;
    int _column = 1;

    public SourcePosition Position => new(_line, _column);

    public int Index => _index;

    public int Peek(int ahead = 0) => _index + ahead < text.Length ? text[_index + ahead] : End;

    public bool At(string expected) => string.CompareOrdinal(text, _index, expected, 0, expected.Length) == 0;

    public ReadOnlySpan<char> From(int index) => text.AsSpan(index, _index - index);

    public char Take()
    {
        var taken = text[_index++];
        if (taken == '\n')
        {
            _line++;
            _column = 1;
        }
        else if (!char.IsLowSurrogate(taken))
        {
            _column++;
        }

        return taken;
    }

    public void Take(int count)
    {
        for (var i = 0; i < count; i++)
        {
            Take();
        }
    }

    public bool TakeIf(char expected)
    {
        if (Peek() != expected)
        {
            return false;
        }

        Take();
        return true;
    }

    /// <summary>LF or CRLF. A lone CR is no line end in TOML, and stays where it is for the error.</summary>
    public bool TakeLineEnd()
    {
        if (Peek() == '\r' && Peek(1) == '\n')
        {
            Take();
        }

        return TakeIf('\n');
    }

    public void SkipBlanks()
    {
        while (Peek() is ' ' or '\t')
        {
            Take();
        }
    }

    public void SkipBlanksAndComment()
    {
        SkipBlanks();
        if (Peek() != '#')
        {
            return;
        }

        while (Peek() is not (End or '\n') && !(Peek() == '\r' && Peek(1) == '\n'))
        {
            if (IsForbidden(Peek()))
            {
                throw Error($"{Describe(Peek())} in a comment", "printable characters and tabs");
            }

            Take();
        }
    }

    /// <summary>Control characters that may stand nowhere in a TOML file, line ends apart.</summary>
    public static bool IsForbidden(int c) => c is (>= 0 and < 0x20 and not '\t') or 0x7F;

    public static string Describe(int c) => c switch
    {
        End => "the end of the file",
        '\n' => "the end of the line",
        '\r' => "a carriage return without a line feed",
        '\t' => "a tab",
        ' ' => "a blank",
        < 0x20 or 0x7F or (>= 0x80 and < 0xA0) => $"the control character U+{c:X4}",
        < 0x7F => $"'{(char)c}'",
        _ => $"the character U+{c:X4}",
    };

    /// <summary>What stands here, for an error.</summary>
    public string Found =>
        Peek() == '\r' && Peek(1) == '\n' ? Describe('\n')
        : Peek() != End && char.IsHighSurrogate((char)Peek()) ? Describe(char.ConvertToUtf32((char)Peek(), (char)Peek(1)))
        : Describe(Peek());

    public PgClusterException Error(string wrong, string expected) => Error(Position, wrong, expected);

    public PgClusterException Error(SourcePosition position, string wrong, string expected) => Error(fileName, position, wrong, expected);

    public static PgClusterException Error(string fileName, SourcePosition position, string wrong, string expected) =>
        new(Reason.InvalidConfiguration, $"{fileName}:{position.Line}:{position.Column}: {wrong}; expected {expected}")
        {
            Target = fileName,
        };

    /// <summary>The position behind this text.</summary>
    public static SourcePosition PositionAfter(ReadOnlySpan<char> before)
    {
        var (line, column) = (1, 1);
        foreach (var c in before)
        {
            (line, column) = c == '\n' ? (line + 1, 1) : (line, char.IsLowSurrogate(c) ? column : column + 1);
        }

        return new(line, column);
    }
}
