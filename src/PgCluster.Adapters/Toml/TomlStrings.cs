using System.Globalization;
using System.Text;
using PgCluster.Engine.Configuration;

namespace PgCluster.Adapters.Toml;

/// <summary>The four kinds of strings.</summary>
static class TomlStrings
{
    /// <summary>Reads the string whose first quote is under the cursor.</summary>
    public static string Read(TomlScanner scanner)
    {
        var quote = (char)scanner.Peek();
        return scanner.At(new string(quote, 3)) ? ReadMultiLine(scanner, quote) : ReadSingleLine(scanner, quote);
    }

    static string ReadSingleLine(TomlScanner scanner, char quote)
    {
        var position = scanner.Position;
        scanner.Take();
        var text = new StringBuilder();
        while (!scanner.TakeIf(quote))
        {
            if (scanner.Peek() is TomlScanner.End or '\n' || (scanner.Peek() == '\r' && scanner.Peek(1) == '\n'))
            {
                throw scanner.Error(position, "a string that does not end on its line", $"a closing {quote}");
            }

            ReadCharacter(scanner, quote, text);
        }

        return text.ToString();
    }

    static string ReadMultiLine(TomlScanner scanner, char quote)
    {
        var position = scanner.Position;
        scanner.Take(3);
        // A line end right behind the opening quotes is not part of the string.
        scanner.TakeLineEnd();

        var text = new StringBuilder();
        while (true)
        {
            if (scanner.Peek() == TomlScanner.End)
            {
                throw scanner.Error(position, "a multi-line string that does not end", $"closing {new string(quote, 3)}");
            }

            if (scanner.TakeLineEnd())
            {
                // One line end for every platform: a file means the same wherever it was saved.
                text.Append('\n');
            }
            else if (scanner.Peek() == quote)
            {
                // Up to two quotes may stand directly before the closing three.
                var run = 1;
                while (run < 5 && scanner.Peek(run) == quote)
                {
                    run++;
                }

                scanner.Take(run);
                if (run >= 3)
                {
                    return text.Append(quote, run - 3).ToString();
                }

                text.Append(quote, run);
            }
            else if (quote == '"' && scanner.Peek() == '\\' && SkipFoldedLines(scanner))
            {
                // The backslash took the line end and all blanks behind it.
            }
            else
            {
                ReadCharacter(scanner, quote, text);
            }
        }
    }

    /// <summary>A backslash as the last character of a line takes everything up to the next character that is not blank.</summary>
    static bool SkipFoldedLines(TomlScanner scanner)
    {
        var ahead = 1;
        while (scanner.Peek(ahead) is ' ' or '\t')
        {
            ahead++;
        }

        if (scanner.Peek(ahead) != '\n' && !(scanner.Peek(ahead) == '\r' && scanner.Peek(ahead + 1) == '\n'))
        {
            return false;
        }

        scanner.Take(ahead);
        while (scanner.TakeLineEnd())
        {
            scanner.SkipBlanks();
        }

        return true;
    }

    static void ReadCharacter(TomlScanner scanner, char quote, StringBuilder text)
    {
        if (TomlScanner.IsForbidden(scanner.Peek()))
        {
            var expected = quote == '"' ? "an escape such as \\n or \\u0000" : "printable characters and tabs";
            throw scanner.Error($"{scanner.Found} in a string", expected);
        }

        var position = scanner.Position;
        var c = scanner.Take();
        if (c != '\\' || quote == '\'')
        {
            text.Append(c);
            return;
        }

        var escape = scanner.Peek();
        var simple = escape switch
        {
            'b' => '\b',
            't' => '\t',
            'n' => '\n',
            'f' => '\f',
            'r' => '\r',
            '"' => '"',
            '\\' => '\\',
            _ => '\0',
        };
        if (simple != '\0')
        {
            scanner.Take();
            text.Append(simple);
        }
        else if (escape is 'u' or 'U')
        {
            scanner.Take();
            text.Append(ReadCodePoint(scanner, position, escape == 'u' ? 4 : 8));
        }
        else
        {
            throw scanner.Error(
                position,
                $"{scanner.Found} after a backslash",
                @"\b, \t, \n, \f, \r, \"", \\, \uXXXX or \UXXXXXXXX (or a string in single quotes)");
        }
    }

    static string ReadCodePoint(TomlScanner scanner, SourcePosition position, int digits)
    {
        uint value = 0;
        for (var i = 0; i < digits; i++)
        {
            if (scanner.Peek() == TomlScanner.End || !char.IsAsciiHexDigit((char)scanner.Peek()))
            {
                throw scanner.Error($"{scanner.Found} in a Unicode escape", $"{digits} hexadecimal digits");
            }

            value = (value << 4) | uint.Parse([scanner.Take()], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        }

        return Rune.IsValid(value)
            ? new Rune(value).ToString()
            : throw scanner.Error(position, $"U+{value:X4} is no Unicode character", "0 to D7FF or E000 to 10FFFF");
    }
}
