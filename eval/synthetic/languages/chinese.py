"""Chinese: classifiers, no inflection, places before the verb; sentences without spaces."""

from __future__ import annotations

from xpareto.eval.synthetic.languages.lexicon import Word, phrases, table
from xpareto.eval.synthetic.languages.meaning import COLOURS, PERSONS, Clause, Thing

# noun, classifier
NOUNS = table("""
man 男人 个
woman 女人 个
boy 男孩 个
girl 女孩 个
child 孩子 个
teacher 老师 个
doctor 医生 个
worker 工人 个
mother 母亲 个
father 父亲 个
sister 姐姐 个
brother 哥哥 个
person 人 个
dog 狗 只
cat 猫 只
horse 马 匹
bird 鸟 只
animal 动物 只
apple 苹果 个
orange 橙子 个
tomato 番茄 个
potato 土豆 个
carrot 胡萝卜 根
fruit 水果 个
vegetable 蔬菜 个
water 水 杯
milk 牛奶 杯
tea 茶 杯
coffee 咖啡 杯
book 书 本
newspaper 报纸 份
letter 信 封
table 桌子 张
chair 椅子 把
bed 床 张
car 汽车 辆
bicycle 自行车 辆
house 房子 座
door 门 扇
window 窗户 扇
hat 帽子 顶
shirt 衬衫 件
flower 花 朵
rose 玫瑰 朵
""")
VERBS = table("""
eat 吃
drink 喝
read 读
write 写
buy 买
sell 卖
see 看见
find 找到
seek 寻找
wash 洗
open 打开
close 关
draw 画
carry 搬
love 爱
sleep 睡觉
run 跑步
sing 唱歌
dance 跳舞
work 工作
laugh 笑
cry 哭
swim 游泳
play 玩
wait 等待
""")
ADJECTIVES = table("""
big 大
small 小
new 新
old 旧
clean 干净
dirty 脏
red 红
white 白
black 黑
green 绿
happy 高兴
sad 难过
rich 富有
poor 贫穷
strong 强壮
weak 虚弱
""")
PLACES = phrases("""
garden 在_ADP 花园_NOUN 里_ADP
school 在_ADP 学校_NOUN
kitchen 在_ADP 厨房_NOUN 里_ADP
house 在_ADP 家_NOUN 里_ADP
city 在_ADP 城市_NOUN 里_ADP
village 在_ADP 村子_NOUN 里_ADP
market 在_ADP 市场_NOUN 上_ADP
park 在_ADP 公园_NOUN 里_ADP
forest 在_ADP 森林_NOUN 里_ADP
station 在_ADP 车站_NOUN
""")
TIMES = phrases("""
today 今天_NOUN
now 现在_NOUN
everyday 每_DET 天_NOUN
morning 早上_NOUN
evening 晚上_NOUN
summer 夏天_NOUN
winter 冬天_NOUN
sunday 星期天_NOUN
""")
FREQUENCIES = {"often": "经常", "always": "总是", "sometimes": "有时"}
NUMERALS = {2: "两", 3: "三", 4: "四", 5: "五"}
LINKS = phrases("and 而且_CCONJ\nbut 但是_CCONJ\nbecause 因为_SCONJ")
PRONOUNS = {"he": "他", "she": "她", "they": "他们"}
NAMES = {"Anna": "安娜", "Maria": "玛丽亚", "Peter": "彼得", "Thomas": "托马斯"}


def phrase(thing: Thing, is_object: bool = False) -> list[Word]:
    """Return a noun phrase: its words as a subject or as an object."""
    if thing.noun in PRONOUNS:
        return [Word(PRONOUNS[thing.noun], "PRON")]
    if thing.noun in NAMES:
        return [Word(NAMES[thing.noun], "PROPN")]
    noun, classifier = NOUNS[thing.noun]
    body = [Word(noun, "NOUN")]
    if thing.plural and thing.number == 0:
        if thing.noun in PERSONS:
            body.append(Word("们", "PART"))
        else:  # the demonstrative plural where English has the article, 一些 where it has none
            some = "这些" if thing.det == "def" else "一些"
            body.insert(0, Word(some, "DET"))
    if thing.adj:
        place = 1 if len(body) > 1 and body[0].tag == "DET" else 0
        body[place:place] = [Word(ADJECTIVES[thing.adj][0], "ADJ"), Word("的", "PART")]
    if thing.number > 1:
        return [Word(NUMERALS[thing.number], "NUM"), Word(classifier, "NOUN"), *body]
    if thing.det == "this":
        return [Word("这", "DET"), Word(classifier, "NOUN"), *body]
    if thing.det == "indef" and not thing.plural:
        return [Word("一", "NUM"), Word(classifier, "NOUN"), *body]
    return body


def say(clause: Clause, subordinate: bool = False) -> list[Word]:
    """Return the words of one clause, without its full stop."""
    out = phrase(clause.subjects[0])
    for other in clause.subjects[1:]:
        out += [Word("和", "CCONJ"), *phrase(other)]
    if clause.time:
        out += TIMES[clause.time]
    if clause.frequency:
        out.append(Word(FREQUENCIES[clause.frequency], "ADV"))
    if clause.verb == "be":
        quality = Word(ADJECTIVES[clause.quality or ""][0], "ADJ")
        if clause.quality in COLOURS:  # 是 ... 的
            denial = [Word("不", "ADV")] if clause.negated else []
            return [*out, *denial, Word("是", "AUX"), quality, Word("的", "PART")]
        return [*out, Word("不" if clause.negated else "很", "ADV"), quality]
    if clause.negated:
        out.append(Word("不", "ADV"))
    if clause.modal:
        out.append(Word("想" if clause.modal == "want" else "能", "AUX"))
    if clause.place:
        out += PLACES[clause.place]
    out.append(Word(VERBS[clause.verb][0], "VERB"))
    return out + (phrase(clause.object) if clause.object else [])
